import { requestEmailVerification, verifyEmail } from '../flows/email-verification.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { UserObject } from './user.ts';

const VerifyEmailInput = builder.inputType('VerifyEmailInput', {
  description: 'The token of a mailed link.',
  fields: (t) => ({
    token: t.string({
      required: true,
      description:
        'The token from the mailed link, which confirms an address or a new address, or undoes a change of address.',
    }),
  }),
});

const RequestEmailVerificationSuccess = builder
  .objectRef<{ kind: 'RequestEmailVerificationSuccess' }>('RequestEmailVerificationSuccess')
  .implement({
    description: 'The request was accepted.',
    fields: (t) => ({
      message: t.string({
        description: 'A message to show to the user, in English.',
        resolve: () =>
          'If an address of yours is not confirmed yet, a message with a link is on its way to it. Check your spam folder too.',
      }),
    }),
  });

const VerifyEmailSuccess = builder
  .objectRef<{ kind: 'VerifyEmailSuccess'; user: User }>('VerifyEmailSuccess')
  .implement({
    description:
      'The address was confirmed, or its change was undone. This does not sign anybody in.',
    fields: (t) => ({
      user: t.expose('user', {
        type: UserObject,
        description:
          'The updated user. `sessions` and `auditEvents` can be read only when signed in.',
      }),
    }),
  });

const VerifyEmailResult = resultUnion(
  'VerifyEmailResult',
  'The result of `verifyEmail`.',
  [VerifyEmailSuccess],
  ['INVALID_TOKEN', 'EMAIL_TAKEN'],
);

const VERIFY_EMAIL = `Does what the mailed link is for:

- Confirm the address of an account. The link proves who owns the mailbox, but not who chose the password. So if the account
  could be signed in to before its first confirmation, this removes its password, second factor, phrase and sessions, and
  mails a link to choose another password, unless the request is signed in as that account.
- Confirm a registration, with REGISTRATION=verify: creates the account, with the password given at registration.
- Confirm a new address: it takes effect, and a link to undo the change is mailed to the old address.
- Undo a change of address: restores the old address, ends all sessions, invalidates the password, and mails a link to choose
  another one to the old address.`;

builder.mutationFields((t) => ({
  requestEmailVerification: t.withAuth({ signedIn: true }).field({
    type: RequestEmailVerificationSuccess,
    description:
      'Mails you another link to confirm the address that is not confirmed yet: `pendingEmail`, or otherwise the address of the account. Earlier links stop working.',
    resolve: async (_mutation, _args, { deps, viewer, client }) => {
      await requestEmailVerification(deps, viewer, client);
      return { kind: 'RequestEmailVerificationSuccess' as const };
    },
  }),
  verifyEmail: t.field({
    type: VerifyEmailResult,
    description: VERIFY_EMAIL,
    args: {
      input: t.arg({
        type: VerifyEmailInput,
        required: true,
        description: 'The token of the link.',
      }),
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
