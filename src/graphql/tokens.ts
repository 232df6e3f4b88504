import type { Tokens } from '../flows/steps/session-opening.ts';
import { builder } from './builder.ts';

export const TokensObject = builder.objectRef<Tokens>('Tokens').implement({
  description: 'The tokens of a session.',
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', {
      description:
        'A JWT for `Authorization: Bearer`, here and at the APIs that trust this service.',
    }),
    refreshToken: t.exposeString('refreshToken', {
      description:
        'What `refresh` takes. Each is good once, and for half a minute gives the same successor again; keep the newest.',
    }),
    tokenType: t.string({ description: 'Always `Bearer`.', resolve: () => 'Bearer' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the access token expires.',
    }),
    refreshExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      description: 'When the session ends unless it is refreshed before.',
    }),
    deviceToken: t.exposeString('deviceToken', {
      nullable: true,
      description:
        'Keep it on this device, also after signing out, and send it with the next login: then nobody who guesses at the password elsewhere locks this device out. Given by sign-ins and to whoever changes the password; another password makes the earlier ones void.',
    }),
  }),
});
