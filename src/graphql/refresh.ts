import { refresh } from '../flows/refresh.ts';
import type { Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const RefreshInput = builder.inputType('RefreshInput', {
  description: 'The refresh token.',
  fields: (t) => ({
    refreshToken: t.string({
      description: 'The newest refresh token. Browsers that have it as a cookie leave this out.',
    }),
  }),
});

const RefreshSuccess = builder
  .objectRef<{ kind: 'RefreshSuccess'; user: User; tokens: Tokens | null }>('RefreshSuccess')
  .implement({
    description: 'The session was extended.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The user of the session.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The new tokens, or null if they were sent as cookies.',
      }),
    }),
  });

const RefreshResult = resultUnion(
  'RefreshResult',
  'The result of `refresh`.',
  [RefreshSuccess],
  ['INVALID_REFRESH_TOKEN', 'REFRESH_TOKEN_REUSED'],
);

builder.mutationField('refresh', (t) =>
  t.field({
    type: RefreshResult,
    description:
      'Exchanges a refresh token for new tokens. Concurrent requests with the same refresh token all get the same new one.',
    args: { input: t.arg({ type: RefreshInput, description: 'The refresh token.' }) },
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
