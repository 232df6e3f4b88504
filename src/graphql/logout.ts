import { logout } from '../flows/logout.ts';
import { findSessionByRefreshToken } from '../flows/refresh.ts';
import { builder } from './builder.ts';
import { clearTokens } from './token-delivery.ts';

const LogoutSuccess = builder.objectRef<{ endedSessions: number }>('LogoutSuccess').implement({
  description: 'Whoever asked is signed out.',
  fields: (t) => ({
    endedSessions: t.exposeInt('endedSessions', {
      description: 'How many sessions ended; 0 when there was none any more.',
    }),
  }),
});

builder.mutationField('logout', (t) =>
  t.field({
    type: LogoutSuccess,
    description:
      'Signs out: the session is known by the access token or, when that has expired, by the refresh token. Always succeeds.',
    args: {
      everywhere: t.arg.boolean({
        defaultValue: false,
        description: 'Whether all other sessions of the user end too.',
      }),
      refreshToken: t.arg.string({ description: 'The newest refresh token.' }),
    },
    authScopes: { public: true },
    resolve: async (_mutation, { everywhere, refreshToken }, context) => {
      const { deps, viewer, client, presented } = context;
      clearTokens(context);
      const token = refreshToken ?? presented.refresh ?? '';
      const session = viewer?.session ?? (await findSessionByRefreshToken(deps, token));
      return { endedSessions: await logout(deps, session, everywhere ?? false, client) };
    },
  }),
);
