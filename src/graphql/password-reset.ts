import { requestPasswordReset, resetPassword } from '../flows/password-reset.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const RequestPasswordResetInput = builder.inputType('RequestPasswordResetInput', {
  description: 'Whose password is forgotten.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'The e-mail address of the account.' }),
  }),
});

const ResetPasswordInput = builder.inputType('ResetPasswordInput', {
  description: 'Another password, or the first one of an invited person.',
  fields: (t) => ({
    token: t.string({
      required: true,
      description: 'The token of the link that was mailed, to reset a password or to invite.',
    }),
    newPassword: t.string({
      required: true,
      description:
        'The password: `PASSWORD_MIN_LENGTH` (8 unless the operator says otherwise) to 128 characters of any kind, and none of the commonest.',
    }),
  }),
});

const RequestPasswordResetSuccess = builder
  .objectRef<{ kind: 'RequestPasswordResetSuccess' }>('RequestPasswordResetSuccess')
  .implement({
    description: 'The same for every address.',
    fields: (t) => ({
      message: t.string({
        description: 'What to tell the person, in English.',
        resolve: () =>
          'If there is an account with this address, a message with a link is on its way. Look into the folder for unwanted mail too.',
      }),
    }),
  });

const ResetPasswordSuccess = builder
  .objectRef<{ kind: 'ResetPasswordSuccess' }>('ResetPasswordSuccess')
  .implement({
    description: 'The password has been changed. Nobody is signed in.',
    fields: (t) => ({
      message: t.string({
        description: 'What to tell the person, in English.',
        resolve: () => 'The password has been changed, and all sessions have ended. Sign in.',
      }),
    }),
  });

const ResetPasswordResult = resultUnion(
  'ResetPasswordResult',
  'What resetPassword answers.',
  [ResetPasswordSuccess],
  ['INVALID_TOKEN', 'INVALID_INPUT'],
);

builder.mutationFields((t) => ({
  requestPasswordReset: t.field({
    type: RequestPasswordResetSuccess,
    description:
      'Mails a link to choose another password, if there is an account with this address. The same answer, in the same time, for every address.',
    args: {
      input: t.arg({ type: RequestPasswordResetInput, required: true, description: 'Whose.' }),
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
      'Chooses a password by the token of a mailed link. It ends all sessions, lifts locks, makes every other link void, but for those that undo a change of address, and confirms the address. It signs nobody in, and a second factor stays, unless nobody had confirmed the address before: then it may be of somebody else who registered with it, and goes, and so does the phrase.',
    args: {
      input: t.arg({ type: ResetPasswordInput, required: true, description: 'The password.' }),
    },
    authScopes: { public: true },
    resolve: (_mutation, { input }, { deps, client }) =>
      asResult(
        resetPassword(deps, input, client).then(() => ({ kind: 'ResetPasswordSuccess' as const })),
      ),
  }),
}));
