import { type ProfileInput, updateProfile } from '../flows/profile.ts';
import type { Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description:
    'What to change. Fields that are left out stay as they are; null removes a name or the phrase.',
  fields: (t) => ({
    username: t.string({
      description:
        'A new username, or null to remove it: 3 to 32 letters, digits, dots, dashes and underscores, with a letter or digit first and last.',
    }),
    displayName: t.string({ description: 'A new display name, or null to remove it.' }),
    phrase: t.string({ description: 'A new anti-phishing phrase, or null to remove it.' }),
    newEmail: t.string({
      description:
        'A new e-mail address. Requires `currentPassword`. It stays in `pendingEmail` until it is confirmed with the link that is mailed to it.',
    }),
    newPassword: t.string({
      description:
        'A new password, of `PASSWORD_MIN_LENGTH` to 128 characters. Requires `currentPassword`. This ends all other sessions, and cancels links to reset the password and a pending change of address.',
    }),
    currentPassword: t.string({
      description: 'The current password. Required to change the e-mail address or the password.',
    }),
  }),
});

const UpdateProfileSuccess = builder
  .objectRef<{ kind: 'UpdateProfileSuccess'; user: User; tokens: Tokens | null }>(
    'UpdateProfileSuccess',
  )
  .implement({
    description: 'All of the changes were made.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The updated user.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'New tokens, if the password was changed. Null if they were sent as cookies.',
      }),
    }),
  });

const UpdateProfileResult = resultUnion(
  'UpdateProfileResult',
  'The result of `updateProfile`.',
  [UpdateProfileSuccess],
  ['INVALID_INPUT', 'INVALID_CREDENTIALS', 'EMAIL_TAKEN', 'USERNAME_TAKEN'],
);

builder.mutationField('updateProfile', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UpdateProfileResult,
    description:
      'Changes your profile, e-mail address or password. Either all of the changes are made or none. With REGISTRATION=open, an address that is taken results in EmailTaken at once; otherwise that shows only when the mailed link is used.',
    args: {
      input: t.arg({ type: UpdateProfileInput, required: true, description: 'The changes.' }),
    },
    resolve: (_mutation, { input }, context) =>
      asResult(
        updateProfile(context.deps, context.viewer, given(input), context.client).then(
          ({ user, signedIn }) => ({
            kind: 'UpdateProfileSuccess' as const,
            user,
            tokens: signedIn === null ? null : deliver(context, signedIn),
          }),
        ),
      ),
  }),
);

/** Left out and null mean different things here, so what is left out must not be there at all. */
function given(input: typeof UpdateProfileInput.$inferInput): ProfileInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
