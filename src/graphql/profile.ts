import { type ProfileInput, updateProfile } from '../flows/profile.ts';
import type { Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What to change; what is left out stays. Null removes a name or the phrase.',
  fields: (t) => ({
    username: t.string({
      description:
        'Another username, or null for none: 3 to 32 letters, digits, dots, dashes and underscores, with a letter or digit first and last.',
    }),
    displayName: t.string({ description: 'Another name to show, or null for none.' }),
    phrase: t.string({ description: 'Another anti-phishing phrase, or null for none.' }),
    newEmail: t.string({
      description:
        'Another e-mail address. Needs currentPassword. It waits as `pendingEmail` until the link that is mailed there has confirmed it.',
    }),
    newPassword: t.string({
      description:
        'Another password, of `PASSWORD_MIN_LENGTH` to 128 characters. Needs currentPassword, and ends all other sessions, and takes back links to reset the password and an address that waits.',
    }),
    currentPassword: t.string({ description: 'The password until now.' }),
  }),
});

const UpdateProfileSuccess = builder
  .objectRef<{ kind: 'UpdateProfileSuccess'; user: User; tokens: Tokens | null }>(
    'UpdateProfileSuccess',
  )
  .implement({
    description: 'All of it has been changed.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The user as they are now.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'New tokens when the password changed, unless they came as cookies.',
      }),
    }),
  });

const UpdateProfileResult = resultUnion(
  'UpdateProfileResult',
  'What updateProfile answers.',
  [UpdateProfileSuccess],
  ['INVALID_INPUT', 'INVALID_CREDENTIALS', 'EMAIL_TAKEN', 'USERNAME_TAKEN'],
);

builder.mutationField('updateProfile', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UpdateProfileResult,
    description:
      'Changes your profile, e-mail address or password: all of it, or nothing. With REGISTRATION=open a taken address is EmailTaken at once; otherwise only the link tells so.',
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
