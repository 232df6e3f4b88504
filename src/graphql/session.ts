import type { Session } from '../records/session.ts';
import { builder } from './builder.ts';

export const SessionObject = builder.objectRef<Session>('Session').implement({
  description:
    'A sign-in on one device. It lasts until somebody signs out or ends it, or until it has been unused for too long.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'The id of the session. Pass it to `revokeSession` to end the session.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the session was opened.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      description: 'When the session was opened or last refreshed.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the session ends if it is not refreshed before.',
    }),
    ipAddress: t.exposeString('ipAddress', {
      nullable: true,
      description: 'The IP address from which it was opened or last refreshed.',
    }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'The User-Agent header of the browser or app.',
    }),
    remembered: t.exposeBoolean('remembered', {
      description: 'Whether it was opened with `remember`, and therefore lasts longer.',
    }),
    current: t.boolean({
      description: 'Whether this request belongs to the session.',
      resolve: (session, _args, { viewer }) => viewer?.session.id === session.id,
    }),
  }),
});
