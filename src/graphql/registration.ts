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
        'The password: `PASSWORD_MIN_LENGTH` (8 unless the operator says otherwise) to 128 characters of any kind, and none of the commonest.',
    }),
    username: t.string({
      description:
        'A name to sign in by as well: 3 to 32 letters, digits, dots, dashes and underscores, with a letter or digit first and last.',
    }),
    displayName: t.string({ description: 'The name to show: up to 100 characters.' }),
    phrase: t.string({ description: 'An anti-phishing phrase: up to 200 characters.' }),
    remember: t.boolean({
      defaultValue: false,
      description:
        'Whether the session lives longer: 30 days unused instead of one, unless the operator says otherwise.',
    }),
    cookies: t.boolean({
      defaultValue: false,
      description: 'Whether the tokens come as cookies, for browsers, and not in the answer.',
    }),
  }),
});

const RegisterSuccess = builder
  .objectRef<{ kind: 'RegisterSuccess'; user: User; tokens: Tokens | null }>('RegisterSuccess')
  .implement({
    description: 'The account is there, and signed in.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The new user.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The tokens; null when they came as cookies.',
      }),
    }),
  });

const VerificationSent = builder
  .objectRef<{ kind: 'VerificationSent'; email: string }>('VerificationSent')
  .implement({
    description:
      'Nobody is signed in yet: a message was sent to the address. The answer, and the time it takes, are the same whether or not the address was taken.',
    fields: (t) => ({
      email: t.exposeString('email', { description: 'The address, as it was typed.' }),
    }),
  });

const RegisterResult = resultUnion(
  'RegisterResult',
  'What register answers.',
  [RegisterSuccess, VerificationSent],
  ['INVALID_INPUT', 'EMAIL_TAKEN', 'USERNAME_TAKEN'],
);

builder.mutationField('register', (t) =>
  t.field({
    type: RegisterResult,
    description:
      'Registers an account and signs it in, and mails a link to confirm the address. With REGISTRATION=verify nobody is signed in before that: the answer is VerificationSent for every address, and registering once more replaces a registration that was not confirmed. With REGISTRATION=closed the answer is InvalidInput.',
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
