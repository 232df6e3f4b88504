import type { Session } from '../records/session.ts';
import { builder } from './builder.ts';

export const SessionObject = builder.objectRef<Session>('Session').implement({
  description: 'One sign-in on one device, until it is signed out, ended or unused for too long.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'What revokeSession takes.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was opened.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      description: 'When it was opened or last refreshed.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When it ends unless it is refreshed before.',
    }),
    ipAddress: t.exposeString('ipAddress', {
      nullable: true,
      description: 'Where it was opened or last refreshed from.',
    }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'What the browser or app said it was.',
    }),
    remembered: t.exposeBoolean('remembered', {
      description: 'Whether it was opened with `remember` and so lives longer.',
    }),
    current: t.boolean({
      description: 'Whether it is the one that this request came with.',
      resolve: (session, _args, { viewer }) => viewer?.session.id === session.id,
    }),
  }),
});
