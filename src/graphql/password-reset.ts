import { requestPasswordReset, resetPassword } from '../flows/password-reset.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const RequestPasswordResetInput = builder.inputType('RequestPasswordResetInput', {
  description: 'The account whose password was forgotten.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'The e-mail address of the account.' }),
  }),
});

const ResetPasswordInput = builder.inputType('ResetPasswordInput', {
  description: 'A new password, or the first one of an invited user.',
  fields: (t) => ({
    token: t.string({
      required: true,
      description: 'The token from the mailed link of a password reset or an invitation.',
    }),
    newPassword: t.string({
      required: true,
      description:
        'The new password: `PASSWORD_MIN_LENGTH` (by default 8) to 128 characters of any kind. Very common passwords are refused.',
    }),
  }),
});

const RequestPasswordResetSuccess = builder
  .objectRef<{ kind: 'RequestPasswordResetSuccess' }>('RequestPasswordResetSuccess')
  .implement({
    description: 'The request was accepted. The answer is the same for every address.',
    fields: (t) => ({
      message: t.string({
        description: 'A message to show to the user, in English.',
        resolve: () =>
          'If there is an account with this address, a message with a link is on its way. Check your spam folder too.',
      }),
    }),
  });

const ResetPasswordSuccess = builder
  .objectRef<{ kind: 'ResetPasswordSuccess' }>('ResetPasswordSuccess')
  .implement({
    description: 'The password was changed. This does not sign anybody in.',
    fields: (t) => ({
      message: t.string({
        description: 'A message to show to the user, in English.',
        resolve: () => 'The password has been changed, and all sessions have ended. Sign in.',
      }),
    }),
  });

const ResetPasswordResult = resultUnion(
  'ResetPasswordResult',
  'The result of `resetPassword`.',
  [ResetPasswordSuccess],
  ['INVALID_TOKEN', 'INVALID_INPUT'],
);

builder.mutationFields((t) => ({
  requestPasswordReset: t.field({
    type: RequestPasswordResetSuccess,
    description:
      'Mails a link to choose another password, if there is an account with this address. The answer and its timing are the same for every address.',
    args: {
      input: t.arg({
        type: RequestPasswordResetInput,
        required: true,
        description: 'The address of the account.',
      }),
    },
    authScopes: { public: true },
    resolve: (_mutation, { input }, { deps, client }) => {
      requestPasswordReset(deps, input.email, client);
      return { kind: 'RequestPasswordResetSuccess' as const };
    },
  }),
  resetPassword: t.field({
    type: ResetPasswordResult,
    description:
      'Sets a new password with the token of a mailed link. This ends all sessions, lifts lockouts, confirms the address, and invalidates all other mailed links, except those that undo a change of address. It does not sign anybody in. A second factor stays on, unless the address had never been confirmed: then somebody else may have registered with it, so the second factor and the anti-phishing phrase are removed.',
    args: {
      input: t.arg({
        type: ResetPasswordInput,
        required: true,
        description: 'The token and the new password.',
      }),
    },
    authScopes: { public: true },
    resolve: (_mutation, { input }, { deps, client }) =>
      asResult(
        resetPassword(deps, input, client).then(() => ({ kind: 'ResetPasswordSuccess' as const })),
      ),
  }),
}));
