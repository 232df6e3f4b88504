import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  auditTypes,
  enrolTotp,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  registerAdmin,
  registerUser,
  type TestUser,
  TOKENS,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { changeEmail, resetToken, tokenTo, verifyEmail } from '../support/mailbox.ts';

const AT_ONCE = 12;

let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  // so many at the same moment that nobody has to wait for the attempts of others to be settled
  const env = { LOGIN_ATTEMPT_LIMIT: '50' };
  app = await createTestApp({ env });
  other = await createTestApp({ env, databaseUrl: app.databaseUrl, clock: app.clock });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

/** Runs a mutation many times at the same moment at two instances. @returns how each ended, sorted */
async function race(mutation: (i: number) => string, user?: TestUser): Promise<string[]> {
  const outcomes = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, i) => {
      const sending = user === undefined ? {} : { token: user.accessToken };
      const at = i % 2 === 0 ? app : other;
      const { data, errors } = await at.gql(`mutation { r: ${mutation(i)} }`, {}, sending);
      return data?.r?.__typename ?? String(errors?.[0]?.extensions.code);
    }),
  );
  return outcomes.sort();
}

const winners = (outcomes: string[]) => outcomes.filter((name) => name.endsWith('Success'));

async function enrolled() {
  const user = await registerUser(app);
  return { user, ...(await enrolTotp(app, user)) };
}

async function challenges(user: TestUser): Promise<string[]> {
  const tokens: string[] = [];
  for (let i = 0; i < AT_ONCE; i++) {
    tokens.push((await logIn(app, { identifier: user.email })).challenge);
  }
  return tokens;
}

const complete = (challenge: string | undefined, code: string | undefined) =>
  `completeLogin(input: { challenge: "${challenge}", code: "${code}" }) { __typename }`;

describe('exactly one wins of many at the same moment', () => {
  it('M3: with one code at as many challenges', async () => {
    const { user, secret } = await enrolled();
    const tokens = await challenges(user);
    const code = nextTotpCode(app, secret);
    expect(winners(await race((i) => complete(tokens[i], code)))).toHaveLength(1);
  });

  it('M7: with one recovery code at as many challenges', async () => {
    const { user, recoveryCodes } = await enrolled();
    const tokens = await challenges(user);
    const outcomes = await race((i) => complete(tokens[i], recoveryCodes[0]));
    expect(winners(outcomes)).toHaveLength(1);
    const used = (await auditTypes(app, user.id)).filter((type) => type === 'RECOVERY_CODE_USED');
    expect(used).toHaveLength(1);
    const { data } = await app.gql(
      '{ me { recoveryCodesRemaining } }',
      {},
      { token: user.accessToken },
    );
    expect(data.me.recoveryCodesRemaining).toBe(9);
  });

  it('M5: with one challenge and as many recovery codes, and the others stay good', async () => {
    const { user, recoveryCodes } = await enrolled();
    const [token] = await challenges(user);
    const outcomes = await race((i) => complete(token, recoveryCodes[i % 10]));
    expect(winners(outcomes)).toHaveLength(1);
    const { data } = await app.gql(
      '{ me { recoveryCodesRemaining } }',
      {},
      { token: user.accessToken },
    );
    expect(data.me.recoveryCodesRemaining).toBe(9);
  });

  it('M3: with one code for different things: to sign in, to turn TOTP off, to get other recovery codes', async () => {
    const { user, secret, recoveryCodes } = await enrolled();
    const tokens = await challenges(user);
    const code = nextTotpCode(app, secret);
    const both = `input: { currentPassword: "${PASSWORD}", code: "${code}" }`;
    const things = [
      (i: number) => complete(tokens[i], code),
      () => `disableTotp(${both}) { __typename }`,
      () => `regenerateRecoveryCodes(${both}) { __typename }`,
      () =>
        `login(input: { identifier: "${user.email}", password: "${PASSWORD}", code: "${code}" }) { __typename }`,
      () =>
        `deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}", code: "${code}" }) { __typename }`,
    ];
    const outcomes = await race((i) => (things[i % things.length] ?? things[0])?.(i) ?? '', user);
    const wins = winners(outcomes);
    // once TOTP is off by that code, the password alone signs in
    const byCode = wins.includes('DisableTotpSuccess')
      ? wins.filter((name) => name !== 'LoginSuccess' && name !== 'DeleteAccountSuccess')
      : wins;
    expect(byCode, outcomes.join()).toHaveLength(1);
    expect(recoveryCodes).toHaveLength(10);
  });

  it('to turn TOTP off with different recovery codes: one of them is used up', async () => {
    const { user, recoveryCodes } = await enrolled();
    const outcomes = await race(
      (i) =>
        `disableTotp(input: { currentPassword: "${PASSWORD}", code: "${recoveryCodes[i % 10]}" }) { __typename }`,
      user,
    );
    expect(winners(outcomes)).toHaveLength(1);
    const types = await auditTypes(app, user.id);
    expect(types.filter((type) => type === 'TOTP_DISABLED')).toHaveLength(1);
  });

  const reset = (token: string, i: number) =>
    `resetPassword(input: { token: "${token}", newPassword: "five words in row ${i}" }) { __typename }`;
  const verify = (token: string) => `verifyEmail(input: { token: "${token}" }) { __typename }`;

  it('S5: with one link to choose another password, and that password is in force', async () => {
    const user = await registerUser(app);
    const token = await resetToken(app, user.email);
    expect(winners(await race((i) => reset(token, i)))).toHaveLength(1);
    const types = await auditTypes(app, user.id);
    expect(types.filter((type) => type === 'PASSWORD_RESET')).toHaveLength(1);
    const logins = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) =>
        logIn(app, { identifier: user.email, password: `five words in row ${i}` }),
      ),
    );
    expect(logins.filter(({ __typename }) => __typename === 'LoginSuccess')).toHaveLength(1);
  });

  it('with one invitation', async () => {
    const admin = await registerAdmin(app);
    const email = `${newName()}@example.com`;
    const query = `mutation { createUser(input: { email: "${email}" }) { __typename } }`;
    await app.gql(query, {}, { token: admin.accessToken });
    const token = await tokenTo(app, email, 'invitation');
    expect(winners(await race((i) => reset(token, i)))).toHaveLength(1);
  });

  it('with one link to confirm an address', async () => {
    const user = await registerUser(app);
    const token = await tokenTo(app, user.email, 'verify-email');
    expect(winners(await race(() => verify(token)))).toHaveLength(1);
    const types = await auditTypes(app, user.id);
    expect(types.filter((type) => type === 'EMAIL_VERIFIED')).toHaveLength(1);
    expect(types.filter((type) => type === 'PASSWORD_REMOVED')).toHaveLength(1);
  });

  it('S4: with one link to confirm another address, and with one to undo that', async () => {
    const user = await registerUser(app);
    const newEmail = `${newName()}@example.org`;
    await changeEmail(app, user, newEmail);
    const token = await tokenTo(app, newEmail, 'confirm-email-change');
    expect(winners(await race(() => verify(token)))).toHaveLength(1);
    const undo = await tokenTo(app, user.email, 'email-changed');
    expect(winners(await race(() => verify(undo)))).toHaveLength(1);
    const types = await auditTypes(app, user.id);
    expect(types.filter((type) => type.startsWith('EMAIL_CHANGE')).sort()).toEqual([
      'EMAIL_CHANGED',
      'EMAIL_CHANGE_REQUESTED',
      'EMAIL_CHANGE_UNDONE',
    ]);
  });

  it('to confirm one address for two accounts', async () => {
    const users = [await registerUser(app), await registerUser(app)];
    const wanted = `${newName()}@example.org`;
    const tokens: string[] = [];
    for (const user of users) {
      await changeEmail(app, user, wanted);
      tokens.push(await tokenTo(app, wanted, 'confirm-email-change'));
    }
    const outcomes = await race((i) => verify(tokens[i % 2] ?? ''));
    expect(winners(outcomes)).toHaveLength(1);
    expect(outcomes).toContain('EmailTaken');
    expect((await verifyEmail(app, tokens[0] ?? '')).__typename).not.toBe('VerifyEmailSuccess');
  });

  it('to end one session', async () => {
    const user = await registerUser(app);
    const { tokens } = await logIn(app, { identifier: user.email });
    const { data } = await app.gql(
      '{ me { sessions { id current } } }',
      {},
      { token: tokens.accessToken },
    );
    const { id } = data.me.sessions.find(({ current }: { current: boolean }) => current);
    const outcomes = await race(() => `revokeSession(id: "${id}") { __typename }`, user);
    expect(winners(outcomes)).toHaveLength(1);
    expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
  });

  it('to take one username', async () => {
    const users = await Promise.all(Array.from({ length: AT_ONCE }, () => registerUser(app)));
    const username = newName('wanted');
    const outcomes = await Promise.all(
      users.map(async (user, i) => {
        const query = `mutation { updateProfile(input: { username: "${i % 3 === 0 ? username : username.toUpperCase()}" }) { __typename } }`;
        const at = i % 2 === 0 ? app : other;
        const { data } = await at.gql(query, {}, { token: user.accessToken });
        return data.updateProfile.__typename as string;
      }),
    );
    expect(winners(outcomes)).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(['UpdateProfileSuccess', 'UsernameTaken']));
  });
});

it('S2: of sign-ins and a change of the password at the same moment, no session outlives the change', async () => {
  const user = await registerUser(app);
  const changed = app.gql(
    `mutation { updateProfile(input: { newPassword: "another four words", currentPassword: "${PASSWORD}" }) { ... on UpdateProfileSuccess { ${TOKENS} } } }`,
    {},
    { token: user.accessToken },
  );
  const logins = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) =>
      logIn(i % 2 === 0 ? app : other, { identifier: user.email }),
    ),
  );
  const { data } = await changed;
  const own: string = data.updateProfile.tokens.accessToken;
  for (const { tokens } of logins) {
    if (tokens) expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
  }
  expect(await isSignedIn(app, own)).toBe(true);
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
});

it('of sign-ins and a deletion of the account at the same moment, no session outlives it', async () => {
  const user = await registerUser(app);
  const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
  const deleted = app.gql(query, {}, { token: user.accessToken });
  const logins = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) =>
      logIn(i % 2 === 0 ? app : other, { identifier: user.email }),
    ),
  );
  expect((await deleted).data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
  for (const { tokens, code, errors } of logins) {
    expect(errors).toBeUndefined();
    if (tokens) expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
    else expect(code).toBe('INVALID_CREDENTIALS');
  }
});

it('of right and wrong passwords at the same moment, the right ones get in and the others do not', async () => {
  const user = await registerUser(app);
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      logIn(i % 4 < 2 ? app : other, {
        identifier: user.email,
        password: i % 2 === 0 ? PASSWORD : `wrong ${i}`,
      }).then(({ __typename }) => `${i % 2 === 0} ${__typename}`),
    ),
  );
  expect(new Set(outcomes)).toEqual(new Set(['true LoginSuccess', 'false InvalidCredentials']));
});
