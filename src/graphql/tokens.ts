import type { Tokens } from '../flows/steps/session-opening.ts';
import { builder } from './builder.ts';

export const TokensObject = builder.objectRef<Tokens>('Tokens').implement({
  description: 'The tokens of a session.',
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', {
      description:
        'A JWT to send as `Authorization: Bearer` to this service and to the APIs that trust it.',
    }),
    refreshToken: t.exposeString('refreshToken', {
      description:
        'The token for `refresh`. Each can be used once; using it again within half a minute returns the same successor. Keep the newest.',
    }),
    tokenType: t.string({ description: 'Always `Bearer`.', resolve: () => 'Bearer' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the access token expires.',
    }),
    refreshExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      description: 'When the session ends if it is not refreshed before.',
    }),
    deviceToken: t.exposeString('deviceToken', {
      nullable: true,
      description:
        'Identifies this device as known. Keep it on the device, even after signing out, and send it with the next login: then somebody who guesses passwords elsewhere cannot lock this device out. Sign-ins and changes of the password return one; changing the password invalidates the earlier ones.',
    }),
  }),
});
