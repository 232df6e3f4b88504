import { logout } from '../flows/logout.ts';
import { findSessionByRefreshToken } from '../flows/refresh.ts';
import { builder } from './builder.ts';
import { clearTokens } from './token-delivery.ts';

const LogoutSuccess = builder.objectRef<{ endedSessions: number }>('LogoutSuccess').implement({
  description: 'The caller is signed out.',
  fields: (t) => ({
    endedSessions: t.exposeInt('endedSessions', {
      description: 'How many sessions were ended. 0 if the session had already ended.',
    }),
  }),
});

builder.mutationField('logout', (t) =>
  t.field({
    type: LogoutSuccess,
    description:
      'Signs out. The session is identified by the access token or, if that has expired, by the refresh token. Always succeeds.',
    args: {
      everywhere: t.arg.boolean({
        defaultValue: false,
        description: 'Whether to end all other sessions of the user as well.',
      }),
      refreshToken: t.arg.string({
        description: 'The newest refresh token, in case the access token has expired.',
      }),
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
