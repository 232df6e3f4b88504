import { isUnionType } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERROR_MESSAGES } from '../../src/errors.ts';
import { schema } from '../../src/graphql/schema.ts';
import {
  enrolTotp,
  idBytes,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { changeEmail, resetToken, tokenTo } from '../support/mailbox.ts';

let app: TestApp;
let confirming: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp();
  const { databaseUrl, clock } = app;
  confirming = await createTestApp({ databaseUrl, clock, env: { REGISTRATION: 'verify' } });
  admin = await registerAdmin(app);
});
afterAll(async () => {
  await confirming.close();
  await app.close();
});

interface Outcome {
  __typename: string;
  code?: string;
  message?: string;
}

/** Runs one mutation and returns which member of its union it answered with. */
async function run(
  mutation: string,
  input: object = {},
  as?: { accessToken: string },
  at = app,
): Promise<Outcome> {
  const field = schema.getMutationType()?.getFields()[mutation];
  const argument = field?.args.find((arg) => arg.name === 'input' || arg.name === 'id');
  const query = `mutation ($given: ${argument?.type}) {
    ${mutation}(${argument?.name}: $given) { __typename ... on Error { code message } }
  }`;
  const given = argument?.name === 'id' ? Object.values(input)[0] : input;
  const sending = as === undefined ? {} : { token: as.accessToken };
  const { data, errors } = await at.gql(query, { given }, sending);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data[mutation];
}

const user = () => registerUser(app);
const fresh = () => ({ email: `${newName()}@example.com`, password: PASSWORD });
const NOBODY = '01890000-0000-7000-8000-000000000000';

async function enrolled() {
  const owner = await user();
  return { owner, ...(await enrolTotp(app, owner)) };
}

async function pending() {
  const owner = await user();
  const query = `mutation { enableTotp(input: { currentPassword: "${PASSWORD}" }) { ... on EnableTotpSuccess { secret } } }`;
  const { data } = await app.gql(query, {}, { token: owner.accessToken });
  return { owner, secret: data.enableTotp.secret };
}

async function challenged() {
  const { owner, secret } = await enrolled();
  const { challenge } = await logIn(app, { identifier: owner.email });
  return { owner, secret, challenge };
}

async function disable(owner: TestUser): Promise<void> {
  const sql = "update users set status = 'DISABLED' where id = ?";
  await runSql(app.databaseUrl, sql, [idBytes(owner.id)]);
}

/** A change by a signed-in user, with the password and a TOTP code. */
async function withProofs(mutation: string, wrong: object = {}): Promise<Outcome> {
  const { owner, secret } = await enrolled();
  const proofs = { currentPassword: PASSWORD, code: nextTotpCode(app, secret), ...wrong };
  return run(mutation, proofs, owner);
}

/** How every member of every union is reached. A new member fails until it is here. */
const REACHED: Record<string, () => Promise<Outcome>> = {
  'RegisterResult.RegisterSuccess': () => run('register', fresh()),
  'RegisterResult.VerificationSent': () => run('register', fresh(), undefined, confirming),
  'RegisterResult.InvalidInput': () => run('register', { ...fresh(), email: 'x' }),
  'RegisterResult.EmailTaken': async () =>
    run('register', { ...fresh(), email: (await user()).email }),
  'RegisterResult.UsernameTaken': async () =>
    run('register', { ...fresh(), username: (await user()).username }),

  'LoginResult.LoginSuccess': async () =>
    run('login', { identifier: (await user()).email, password: PASSWORD }),
  'LoginResult.MfaRequired': async () =>
    run('login', { identifier: (await enrolled()).owner.email, password: PASSWORD }),
  'LoginResult.InvalidCredentials': () => run('login', { identifier: newName(), password: 'x' }),
  'LoginResult.InvalidCode': async () =>
    run('login', { identifier: (await enrolled()).owner.email, password: PASSWORD, code: 'x' }),
  'LoginResult.AccountLocked': async () => {
    const identifier = newName();
    for (let i = 0; i < 5; i++) await run('login', { identifier, password: 'x' });
    return run('login', { identifier, password: 'x' });
  },
  'LoginResult.AccountDisabled': async () => {
    const owner = await user();
    await disable(owner);
    return run('login', { identifier: owner.email, password: PASSWORD });
  },
  'LoginResult.EmailNotVerified': async () =>
    run('login', { identifier: (await user()).email, password: PASSWORD }, undefined, confirming),

  'CompleteLoginResult.LoginSuccess': async () => {
    const { challenge, secret } = await challenged();
    return run('completeLogin', { challenge, code: nextTotpCode(app, secret) });
  },
  'CompleteLoginResult.InvalidCode': async () =>
    run('completeLogin', { challenge: (await challenged()).challenge, code: 'x' }),
  'CompleteLoginResult.InvalidChallenge': () => run('completeLogin', { challenge: 'x', code: 'x' }),
  'CompleteLoginResult.AccountDisabled': async () => {
    const { owner, challenge } = await challenged();
    await disable(owner);
    return run('completeLogin', { challenge, code: 'x' });
  },

  'RefreshResult.RefreshSuccess': async () =>
    run('refresh', { refreshToken: (await user()).refreshToken }),
  'RefreshResult.InvalidRefreshToken': () => run('refresh', { refreshToken: 'x' }),
  'RefreshResult.RefreshTokenReused': async () => {
    const { refreshToken } = await user();
    await refresh(app, refreshToken);
    app.clock.advance(31);
    return run('refresh', { refreshToken });
  },

  'RevokeSessionResult.RevokeSessionSuccess': async () => {
    const owner = await user();
    const { data } = await app.gql('{ me { sessions { id } } }', {}, { token: owner.accessToken });
    return run('revokeSession', data.me.sessions[0], owner);
  },
  'RevokeSessionResult.NotFound': async () => run('revokeSession', { id: NOBODY }, await user()),

  'UpdateProfileResult.UpdateProfileSuccess': async () =>
    run('updateProfile', { displayName: 'Ada' }, await user()),
  'UpdateProfileResult.InvalidInput': async () =>
    run('updateProfile', { username: '!' }, await user()),
  'UpdateProfileResult.InvalidCredentials': async () =>
    run('updateProfile', { newEmail: fresh().email, currentPassword: 'x' }, await user()),
  'UpdateProfileResult.EmailTaken': async () =>
    run(
      'updateProfile',
      { newEmail: (await user()).email, currentPassword: PASSWORD },
      await user(),
    ),
  'UpdateProfileResult.UsernameTaken': async () =>
    run('updateProfile', { username: (await user()).username }, await user()),

  'EnableTotpResult.EnableTotpSuccess': async () =>
    run('enableTotp', { currentPassword: PASSWORD }, await user()),
  'EnableTotpResult.InvalidCredentials': async () =>
    run('enableTotp', { currentPassword: 'x' }, await user()),
  'EnableTotpResult.TotpAlreadyEnabled': async () =>
    run('enableTotp', { currentPassword: PASSWORD }, (await enrolled()).owner),

  'ConfirmTotpResult.ConfirmTotpSuccess': async () => {
    const { owner, secret } = await pending();
    return run('confirmTotp', { code: nextTotpCode(app, secret) }, owner);
  },
  'ConfirmTotpResult.InvalidCode': async () =>
    run('confirmTotp', { code: 'x' }, (await pending()).owner),
  'ConfirmTotpResult.TotpNotEnabled': async () => run('confirmTotp', { code: 'x' }, await user()),
  'ConfirmTotpResult.TotpAlreadyEnabled': async () =>
    run('confirmTotp', { code: 'x' }, (await enrolled()).owner),

  'DisableTotpResult.DisableTotpSuccess': () => withProofs('disableTotp'),
  'DisableTotpResult.InvalidCredentials': () => withProofs('disableTotp', { currentPassword: 'x' }),
  'DisableTotpResult.InvalidCode': () => withProofs('disableTotp', { code: 'x' }),
  'DisableTotpResult.TotpNotEnabled': async () =>
    run('disableTotp', { currentPassword: PASSWORD, code: 'x' }, await user()),

  'RegenerateRecoveryCodesResult.RegenerateRecoveryCodesSuccess': () =>
    withProofs('regenerateRecoveryCodes'),
  'RegenerateRecoveryCodesResult.InvalidCredentials': () =>
    withProofs('regenerateRecoveryCodes', { currentPassword: 'x' }),
  'RegenerateRecoveryCodesResult.InvalidCode': () =>
    withProofs('regenerateRecoveryCodes', { code: 'x' }),
  'RegenerateRecoveryCodesResult.TotpNotEnabled': async () =>
    run('regenerateRecoveryCodes', { currentPassword: PASSWORD, code: 'x' }, await user()),

  'DeleteAccountResult.DeleteAccountSuccess': () => withProofs('deleteAccount', { confirm: true }),
  'DeleteAccountResult.InvalidInput': () => withProofs('deleteAccount', { confirm: false }),
  'DeleteAccountResult.InvalidCredentials': () =>
    withProofs('deleteAccount', { confirm: true, currentPassword: 'x' }),
  'DeleteAccountResult.InvalidCode': () =>
    withProofs('deleteAccount', { confirm: true, code: null }),
  'DeleteAccountResult.LastAdmin': async () => {
    await setRole(app, admin, 'USER');
    const last = await registerAdmin(app);
    const outcome = await run('deleteAccount', { confirm: true, currentPassword: PASSWORD }, last);
    await setRole(app, last, 'USER');
    await setRole(app, admin, 'ADMIN');
    return outcome;
  },

  'ResetPasswordResult.ResetPasswordSuccess': async () =>
    run('resetPassword', {
      token: await resetToken(app, (await user()).email),
      newPassword: PASSWORD,
    }),
  'ResetPasswordResult.InvalidToken': () =>
    run('resetPassword', { token: 'x', newPassword: PASSWORD }),
  'ResetPasswordResult.InvalidInput': async () =>
    run('resetPassword', { token: await resetToken(app, (await user()).email), newPassword: 'x' }),

  'VerifyEmailResult.VerifyEmailSuccess': async () =>
    run('verifyEmail', { token: await tokenTo(app, (await user()).email, 'verify-email') }),
  'VerifyEmailResult.InvalidToken': () => run('verifyEmail', { token: 'x' }),
  'VerifyEmailResult.EmailTaken': async () => {
    const { email } = fresh();
    await changeEmail(app, await user(), email);
    await registerUser(app, { email });
    return run('verifyEmail', { token: await tokenTo(app, email, 'confirm-email-change') });
  },

  'CreateUserResult.CreateUserSuccess': () => run('createUser', fresh(), admin),
  'CreateUserResult.InvalidInput': () => run('createUser', { email: 'x' }, admin),
  'CreateUserResult.EmailTaken': () => run('createUser', { email: admin.email }, admin),
  'CreateUserResult.UsernameTaken': () =>
    run('createUser', { email: fresh().email, username: admin.username }, admin),

  'UpdateUserResult.UpdateUserSuccess': async () =>
    run('updateUser', { id: (await user()).id, role: 'ADMIN' }, admin),
  'UpdateUserResult.InvalidInput': async () =>
    run('updateUser', { id: (await user()).id, appMetadata: 1 }, admin),
  'UpdateUserResult.NotFound': () => run('updateUser', { id: NOBODY }, admin),
  'UpdateUserResult.SelfTargeted': () => run('updateUser', { id: admin.id, role: 'USER' }, admin),

  'DeleteUserResult.DeleteUserSuccess': async () =>
    run('deleteUser', { id: (await user()).id }, admin),
  'DeleteUserResult.NotFound': () => run('deleteUser', { id: NOBODY }, admin),
  'DeleteUserResult.SelfTargeted': () => run('deleteUser', { id: admin.id }, admin),

  'UnlockUserResult.UnlockUserSuccess': async () =>
    run('unlockUser', { id: (await user()).id }, admin),
  'UnlockUserResult.NotFound': () => run('unlockUser', { id: NOBODY }, admin),

  'RevokeUserSessionsResult.RevokeUserSessionsSuccess': async () =>
    run('revokeUserSessions', { id: (await user()).id }, admin),
  'RevokeUserSessionsResult.NotFound': () => run('revokeUserSessions', { id: NOBODY }, admin),

  'ResetUserTotpResult.ResetUserTotpSuccess': async () =>
    run('resetUserTotp', { id: (await user()).id }, admin),
  'ResetUserTotpResult.NotFound': () => run('resetUserTotp', { id: NOBODY }, admin),
  'ResetUserTotpResult.SelfTargeted': () => run('resetUserTotp', { id: admin.id }, admin),
};

/** What no request can reach, and why. */
const UNREACHED: Record<string, string> = {
  // whoever asks is an active administrator, so there are two; test/flows/user-administration.test.ts has the operator ask
  'UpdateUserResult.LastAdmin': 'only the operator, who is no administrator, can be told',
  'DeleteUserResult.LastAdmin': 'only the operator, who is no administrator, can be told',
};

it('has a way to every member of every union, or the reason why there is none', () => {
  const members = Object.values(schema.getTypeMap())
    .filter((type) => isUnionType(type))
    .flatMap((union) => union.getTypes().map((member) => `${union.name}.${member.name}`));
  expect(members.sort()).toEqual([...Object.keys(REACHED), ...Object.keys(UNREACHED)].sort());
});

it.each(Object.entries(REACHED))('answers %s', async (path, reach) => {
  const [, member = ''] = path.split('.');
  const { __typename, code, message } = await reach();
  expect(__typename).toBe(member);
  if (code === undefined)
    return expect(member).toMatch(/Success$|^MfaRequired$|^VerificationSent$/);
  // the code of a failure is the name of its type, and its message says what to do
  expect(code.replaceAll('_', '').toLowerCase()).toBe(member.toLowerCase());
  const [beforeWait = ''] = ERROR_MESSAGES[code as keyof typeof ERROR_MESSAGES].split('{wait}');
  expect(message).toContain(beforeWait);
});
