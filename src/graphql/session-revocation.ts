import { revokeSession } from '../flows/session-revocation.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const RevokeSessionSuccess = builder
  .objectRef<{ kind: 'RevokeSessionSuccess'; session: string }>('RevokeSessionSuccess')
  .implement({
    description: 'The session was ended.',
    fields: (t) => ({
      session: t.exposeID('session', { description: 'The id of the session.' }),
    }),
  });

const RevokeSessionResult = resultUnion(
  'RevokeSessionResult',
  'The result of `revokeSession`.',
  [RevokeSessionSuccess],
  ['NOT_FOUND'],
);

builder.mutationField('revokeSession', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: RevokeSessionResult,
    description: 'Ends one of your sessions. The device or app that uses it is signed out at once.',
    args: { id: t.arg.id({ required: true, description: 'The id of the session.' }) },
    resolve: (_mutation, { id }, { deps, viewer, client }) =>
      asResult(
        revokeSession(deps, viewer, id, client).then((session) => ({
          kind: 'RevokeSessionSuccess' as const,
          session,
        })),
      ),
  }),
);
