import { refresh } from '../flows/refresh.ts';
import type { Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const RefreshInput = builder.inputType('RefreshInput', {
  description: 'What to refresh by.',
  fields: (t) => ({
    refreshToken: t.string({
      description: 'The newest refresh token. Left out by browsers that have it as a cookie.',
    }),
  }),
});

const RefreshSuccess = builder
  .objectRef<{ kind: 'RefreshSuccess'; user: User; tokens: Tokens | null }>('RefreshSuccess')
  .implement({
    description: 'The session goes on.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'Whose session it is.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The new tokens; null when they came as cookies.',
      }),
    }),
  });

const RefreshResult = resultUnion(
  'RefreshResult',
  'What refresh answers.',
  [RefreshSuccess],
  ['INVALID_REFRESH_TOKEN', 'REFRESH_TOKEN_REUSED'],
);

builder.mutationField('refresh', (t) =>
  t.field({
    type: RefreshResult,
    description:
      'Exchanges a refresh token for new tokens. Requests that race with the same token all get the same new one.',
    args: { input: t.arg({ type: RefreshInput, description: 'What to refresh by.' }) },
    authScopes: { public: true },
    resolve: (_mutation, { input }, context) =>
      asResult(
        refresh(
          context.deps,
          input?.refreshToken ?? context.presented.refresh ?? '',
          context.client,
        ).then((signedIn) => ({
          kind: 'RefreshSuccess' as const,
          user: signedIn.user,
          tokens: deliver(context, signedIn),
        })),
      ),
  }),
);
