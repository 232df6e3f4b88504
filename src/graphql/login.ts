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
  description: 'How a sign-in may be completed.',
  values: {
    TOTP: { description: 'By the current code of an authenticator app.' },
    RECOVERY_CODE: { description: 'By one of the recovery codes; each is good once.' },
  } satisfies Record<MfaMethod, object>,
});

const LoginInput = builder.inputType('LoginInput', {
  description: 'A sign-in.',
  fields: (t) => ({
    identifier: t.string({ required: true, description: 'The e-mail address or username.' }),
    password: t.string({ required: true, description: 'The password.' }),
    code: t.string({
      description: 'A TOTP or recovery code, when it is known already that one is needed.',
    }),
    remember: t.boolean({
      defaultValue: false,
      description:
        'Whether the session lives longer: 30 days unused instead of one, unless the operator says otherwise.',
    }),
    cookies: t.boolean({
      defaultValue: false,
      description: 'Whether the tokens come as cookies, for browsers, and not in the answer.',
    }),
    deviceToken: t.string({
      description: 'What an earlier sign-in on this device was given as `tokens.deviceToken`.',
    }),
  }),
});

const CompleteLoginInput = builder.inputType('CompleteLoginInput', {
  description: 'The second step of a sign-in.',
  fields: (t) => ({
    challenge: t.string({ required: true, description: 'What login gave.' }),
    code: t.string({ required: true, description: 'A TOTP code or a recovery code.' }),
  }),
});

const LoginSuccess = builder
  .objectRef<{ kind: 'LoginSuccess'; user: User; tokens: Tokens | null }>('LoginSuccess')
  .implement({
    description: 'Signed in.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'Who signed in.' }),
      tokens: t.expose('tokens', {
        type: TokensObject,
        nullable: true,
        description: 'The tokens; null when they came as cookies.',
      }),
    }),
  });

const MfaRequiredObject = builder
  .objectRef<MfaRequired & { kind: 'MfaRequired' }>('MfaRequired')
  .implement({
    description: 'The password is right, and a code must follow by completeLogin.',
    fields: (t) => ({
      challenge: t.exposeString('challenge', {
        description: 'What completeLogin takes. It opens nothing by itself.',
      }),
      methods: t.field({
        type: [MfaMethodEnum],
        description: 'What kinds of code do.',
        resolve: (): MfaMethod[] => ['TOTP', 'RECOVERY_CODE'],
      }),
      expiresAt: t.expose('expiresAt', {
        type: 'DateTime',
        description: 'Until when the code must have come.',
      }),
    }),
  });

const LoginResult = resultUnion(
  'LoginResult',
  'What login answers.',
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
  'What completeLogin answers.',
  [LoginSuccess],
  ['INVALID_CODE', 'INVALID_CHALLENGE', 'ACCOUNT_DISABLED'],
);

builder.mutationFields((t) => ({
  login: t.field({
    type: LoginResult,
    description: 'Signs in by e-mail address or username and password.',
    args: { input: t.arg({ type: LoginInput, required: true, description: 'The sign-in.' }) },
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
      input: t.arg({ type: CompleteLoginInput, required: true, description: 'The second step.' }),
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
