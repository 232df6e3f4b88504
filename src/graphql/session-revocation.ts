import { revokeSession } from '../flows/session-revocation.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const RevokeSessionSuccess = builder
  .objectRef<{ kind: 'RevokeSessionSuccess'; session: string }>('RevokeSessionSuccess')
  .implement({
    description: 'The session has ended.',
    fields: (t) => ({
      session: t.exposeID('session', { description: 'The id of the session.' }),
    }),
  });

const RevokeSessionResult = resultUnion(
  'RevokeSessionResult',
  'What revokeSession answers.',
  [RevokeSessionSuccess],
  ['NOT_FOUND'],
);

builder.mutationField('revokeSession', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: RevokeSessionResult,
    description: 'Ends one of your sessions; what it signed in stops working at once.',
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
