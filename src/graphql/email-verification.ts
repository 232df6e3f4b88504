import { requestEmailVerification, verifyEmail } from '../flows/email-verification.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { UserObject } from './user.ts';

const VerifyEmailInput = builder.inputType('VerifyEmailInput', {
  description: 'What a mailed link carries.',
  fields: (t) => ({
    token: t.string({
      required: true,
      description:
        'The token of the link that was mailed: to confirm an address or a new one, or to undo a change of it.',
    }),
  }),
});

const RequestEmailVerificationSuccess = builder
  .objectRef<{ kind: 'RequestEmailVerificationSuccess' }>('RequestEmailVerificationSuccess')
  .implement({
    description: 'It was asked for.',
    fields: (t) => ({
      message: t.string({
        description: 'What to tell the person, in English.',
        resolve: () =>
          'If an address of yours waits for its confirmation, a message with a link is on its way there. Look into the folder for unwanted mail too.',
      }),
    }),
  });

const VerifyEmailSuccess = builder
  .objectRef<{ kind: 'VerifyEmailSuccess'; user: User }>('VerifyEmailSuccess')
  .implement({
    description: 'What the link was for has been done. Nobody is signed in by it.',
    fields: (t) => ({
      user: t.expose('user', {
        type: UserObject,
        description: 'The user as they are now; sessions and events for those signed in only.',
      }),
    }),
  });

const VerifyEmailResult = resultUnion(
  'VerifyEmailResult',
  'What verifyEmail answers.',
  [VerifyEmailSuccess],
  ['INVALID_TOKEN', 'EMAIL_TAKEN'],
);

builder.mutationFields((t) => ({
  requestEmailVerification: t.withAuth({ signedIn: true }).field({
    type: RequestEmailVerificationSuccess,
    description:
      'Mails you another link to confirm the address that waits for it: `pendingEmail`, or else the one of the account. Links that were sent before are dead.',
    resolve: async (_mutation, _args, { deps, viewer, client }) => {
      await requestEmailVerification(deps, viewer, client);
      return { kind: 'RequestEmailVerificationSuccess' as const };
    },
  }),
  verifyEmail: t.field({
    type: VerifyEmailResult,
    description:
      'Does what a mailed link is for. To confirm the address of an account: a link proves whose the mailbox is, not who chose the password. So the first confirmation of an account that could be signed in to before takes its password, second factor, phrase and sessions away and mails a link to choose another password, unless the request is signed in as that account. With REGISTRATION=verify the link of a registration makes the account, with the password that was registered. To confirm a new address: it is in force, and a link to undo that goes to the old one. To undo: the old address is back, all sessions and the password are void, and a link to choose another goes there.',
    args: {
      input: t.arg({ type: VerifyEmailInput, required: true, description: 'The token.' }),
    },
    // a user whose access token has just expired must not be treated as a stranger to their own account
    authScopes: { credentialsNotRejected: true },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        verifyEmail(deps, viewer, input.token, client).then((user) => ({
          kind: 'VerifyEmailSuccess' as const,
          user,
        })),
      ),
  }),
}));
