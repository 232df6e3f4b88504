import { login, type MfaRequired } from '../flows/login.ts';
import { completeLogin } from '../flows/login-challenge.ts';
import type { MfaMethod } from '../flows/steps/code-check.ts';
import type { SignedIn, Tokens } from '../flows/steps/session-opening.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { asResult, resultUnion } from './result.ts';
import { deliver } from './token-delivery.ts';
import { TokensObject } from './tokens.ts';
import { UserObject } from './user.ts';

const MfaMethodEnum = builder.enumType('MfaMethod', {
  description: 'The kinds of code that can complete a sign-in.',
  values: {
    TOTP: { description: 'The current code of an authenticator app.' },
    RECOVERY_CODE: { description: 'One of the recovery codes. Each can be used once.' },
  } satisfies Record<MfaMethod, object>,
});

const LoginInput = builder.inputType('LoginInput', {
  description: 'The credentials and options of a sign-in.',
  fields: (t) => ({
    identifier: t.string({ required: true, description: 'The e-mail address or username.' }),
    password: t.string({ required: true, description: 'The password.' }),
    code: t.string({
      description: 'A TOTP or recovery code, if you already know that one is needed.',
    }),
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
    deviceToken: t.string({
      description: 'The `tokens.deviceToken` of an earlier sign-in on this device.',
    }),
  }),
});

const CompleteLoginInput = builder.inputType('CompleteLoginInput', {
  description: 'The second step of a sign-in.',
  fields: (t) => ({
    challenge: t.string({ required: true, description: 'The `challenge` that `login` returned.' }),
    code: t.string({ required: true, description: 'A TOTP code or a recovery code.' }),
  }),
});

const LoginSuccess = builder
  .objectRef<{ kind: 'LoginSuccess'; user: User; tokens: Tokens | null }>('LoginSuccess')
  .implement({
    description: 'The sign-in succeeded.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The user who signed in.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The tokens, or null if they were sent as cookies.',
      }),
    }),
  });

const MfaRequiredObject = builder
  .objectRef<MfaRequired & { kind: 'MfaRequired' }>('MfaRequired')
  .implement({
    description: 'The password is right, but a code is needed: send it with `completeLogin`.',
    fields: (t) => ({
      challenge: t.exposeString('challenge', {
        description: 'Pass this to `completeLogin`. By itself it gives no access.',
      }),
      methods: t.field({
        type: [MfaMethodEnum],
        description: 'The kinds of code that are accepted.',
        resolve: (): MfaMethod[] => ['TOTP', 'RECOVERY_CODE'],
      }),
      expiresAt: t.expose('expiresAt', {
        type: 'DateTime',
        description: 'When the challenge expires. The code has to be sent before.',
      }),
    }),
  });

const LoginResult = resultUnion(
  'LoginResult',
  'The result of `login`.',
  [LoginSuccess, MfaRequiredObject],
  [
    'INVALID_CREDENTIALS',
    'INVALID_CODE',
    'ACCOUNT_LOCKED',
    'ACCOUNT_DISABLED',
    'EMAIL_NOT_VERIFIED',
  ],
);

const CompleteLoginResult = resultUnion(
  'CompleteLoginResult',
  'The result of `completeLogin`.',
  [LoginSuccess],
  ['INVALID_CODE', 'INVALID_CHALLENGE', 'ACCOUNT_DISABLED'],
);

builder.mutationFields((t) => ({
  login: t.field({
    type: LoginResult,
    description: 'Signs in with an e-mail address or username, and a password.',
    args: {
      input: t.arg({
        type: LoginInput,
        required: true,
        description: 'The credentials and options.',
      }),
    },
    authScopes: { public: true },
    resolve: (_mutation, { input }, context) =>
      asResult(
        login(context.deps, withDefaults(input, context), context.client).then((outcome) =>
          'challenge' in outcome
            ? { kind: 'MfaRequired' as const, ...outcome }
            : loginSuccess(context, outcome),
        ),
      ),
  }),
  completeLogin: t.field({
    type: CompleteLoginResult,
    description: 'Completes a sign-in that needs a code.',
    args: {
      input: t.arg({
        type: CompleteLoginInput,
        required: true,
        description: 'The challenge and the code.',
      }),
    },
    authScopes: { public: true },
    resolve: (_mutation, { input }, context) =>
      asResult(
        completeLogin(context.deps, input, context.client).then((signedIn) =>
          loginSuccess(context, signedIn),
        ),
      ),
  }),
}));

function loginSuccess(context: Context, signedIn: SignedIn) {
  const tokens = deliver(context, signedIn);
  return { kind: 'LoginSuccess' as const, user: signedIn.user, tokens };
}

function withDefaults(input: typeof LoginInput.$inferInput, { presented }: Context) {
  return {
    identifier: input.identifier,
    password: input.password,
    code: input.code ?? null,
    remember: input.remember ?? false,
    cookies: input.cookies ?? false,
    deviceToken: input.deviceToken ?? presented.device,
  };
}
