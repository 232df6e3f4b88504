import { register } from '../flows/registration.ts';
import type { SignedIn, Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const RegisterInput = builder.inputType('RegisterInput', {
  description: 'A new account.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'The e-mail address.' }),
    password: t.string({
      required: true,
      description:
        'The password: `PASSWORD_MIN_LENGTH` (by default 8) to 128 characters of any kind. Very common passwords are refused.',
    }),
    username: t.string({
      description:
        'A username, which can also be used to sign in: 3 to 32 letters, digits, dots, dashes and underscores, with a letter or digit first and last.',
    }),
    displayName: t.string({ description: 'The display name: up to 100 characters.' }),
    phrase: t.string({ description: 'An anti-phishing phrase: up to 200 characters.' }),
    remember: t.boolean({
      defaultValue: false,
      description:
        'Whether to keep the session longer: by default it ends after 30 days without use instead of one day. The operator can change both.',
    }),
    cookies: t.boolean({
      defaultValue: false,
      description:
        'Whether to send the tokens as cookies, for browsers, instead of in the response.',
    }),
  }),
});

const RegisterSuccess = builder
  .objectRef<{ kind: 'RegisterSuccess'; user: User; tokens: Tokens | null }>('RegisterSuccess')
  .implement({
    description: 'The account was created and is signed in.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The new user.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The tokens, or null if they were sent as cookies.',
      }),
    }),
  });

const VerificationSent = builder
  .objectRef<{ kind: 'VerificationSent'; email: string }>('VerificationSent')
  .implement({
    description:
      'A message was sent to the address; nobody is signed in yet. The answer and its timing are the same whether or not the address was taken.',
    fields: (t) => ({
      email: t.exposeString('email', { description: 'The address as it was entered.' }),
    }),
  });

const RegisterResult = resultUnion(
  'RegisterResult',
  'The result of `register`.',
  [RegisterSuccess, VerificationSent],
  ['INVALID_INPUT', 'EMAIL_TAKEN', 'USERNAME_TAKEN'],
);

builder.mutationField('register', (t) =>
  t.field({
    type: RegisterResult,
    description:
      'Creates an account, signs it in, and mails a link to confirm the address. With REGISTRATION=verify, nobody is signed in before the address is confirmed: the answer is VerificationSent for every address, and registering again replaces a registration that was not confirmed. With REGISTRATION=closed, the answer is InvalidInput.',
    args: { input: t.arg({ type: RegisterInput, required: true, description: 'The account.' }) },
    authScopes: { public: true },
    resolve: (_mutation, { input }, context) =>
      asResult(
        register(context.deps, withDefaults(input), context.client).then((outcome) =>
          'sentTo' in outcome
            ? { kind: 'VerificationSent' as const, email: outcome.sentTo }
            : registerSuccess(context, outcome),
        ),
      ),
  }),
);

function registerSuccess(context: Context, signedIn: SignedIn) {
  const tokens = deliver(context, signedIn);
  return { kind: 'RegisterSuccess' as const, user: signedIn.user, tokens };
}

function withDefaults(input: typeof RegisterInput.$inferInput) {
  return {
    email: input.email,
    password: input.password,
    username: input.username ?? null,
    displayName: input.displayName ?? null,
    phrase: input.phrase ?? null,
    remember: input.remember ?? false,
    cookies: input.cookies ?? false,
  };
}
