import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { requestPasswordReset } from '../../src/flows/password-reset.ts';
import { revokeUserSessions, unlockUser } from '../../src/flows/user-administration.ts';
import {
  enrolTotp,
  FAILURE,
  idBytes,
  isSignedIn,
  nextTotpCode,
  PASSWORD,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { kindsTo } from '../support/mailbox.ts';
import { REGISTER } from './support/addresses.ts';

let app: TestApp;
/** The same with REGISTRATION=verify. */
let verifying: TestApp;
// what happens while a password is being checked
let meanwhile: () => Promise<void> = async () => undefined;
beforeAll(async () => {
  app = await createTestApp({
    overrides: {
      passwords: (hasher) => ({
        ...hasher,
        async verify(hash, password) {
          const matches = await hasher.verify(hash, password);
          await meanwhile();
          return matches;
        },
      }),
    },
  });
  const env = { REGISTRATION: 'verify', RATE_LIMIT: 'on' };
  verifying = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock, env });
});
afterAll(async () => {
  await verifying.close();
  await app.close();
});

async function remove({ accessToken: token }: TestUser, code: string | null = null) {
  const input = { confirm: true, currentPassword: PASSWORD, code };
  const query = `mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { __typename ${FAILURE} } }`;
  const { data } = await app.gql(query, { input }, { token });
  return data?.deleteAccount.__typename;
}

async function removeWhile(user: TestUser, change: () => Promise<void>, code?: string) {
  meanwhile = change;
  const outcome = await remove(user, code);
  meanwhile = async () => undefined;
  return outcome;
}

it('does not delete who was made the only administrator while the password was checked', async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  const takeOver = async () => {
    await setRole(app, user, 'ADMIN');
    await setRole(app, admin, 'USER');
  };
  expect(await removeWhile(user, takeOver)).toBe('LastAdmin');
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
  await setRole(app, user, 'USER');
});

it('the same where a code was asked for', async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  const { secret } = await enrolTotp(app, user);
  const takeOver = async () => {
    await setRole(app, user, 'ADMIN');
    await setRole(app, admin, 'USER');
  };
  expect(await removeWhile(user, takeOver, nextTotpCode(app, secret))).toBe('LastAdmin');
  await setRole(app, user, 'USER');
});

it('asks for a code when TOTP was turned on while the password was checked', async () => {
  const user = await registerUser(app);
  const turnOn = async () => {
    const query = "update users set totp_secret = 'secret' where id = ?";
    await runSql(app.databaseUrl, query, [idBytes(user.id)]);
  };
  expect(await removeWhile(user, turnOn)).toBe('InvalidCode');
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

/** Does something while somebody is being deleted. @returns what it came to, and what it put on record about them */
async function besideDeletionOf({ id }: TestUser, act: () => Promise<unknown>) {
  const deleting = await createConnection(connectionOptions(app.databaseUrl, () => ''));
  await deleting.beginTransaction();
  await deleting.query('delete from users where id = ?', [idBytes(id)]);
  await deleting.query('delete from audit_events where user_id = ?', [idBytes(id)]);
  const outcome = act().catch((error: unknown) => error);
  // it has as much time as it wants to get ahead of the deletion
  await Promise.race([outcome, new Promise((done) => setTimeout(done, 500))]);
  await deleting.commit();
  await deleting.end();
  const query = 'select type from audit_events where user_id = ?';
  return { outcome: await outcome, recorded: await runSql(app.databaseUrl, query, [idBytes(id)]) };
}

const OPERATOR = { userId: null, client: { ipAddress: null, userAgent: null, requestId: null } };

it.each([
  ['unlocks', unlockUser],
  ['signs out', revokeUserSessions],
] as const)(
  'who %s somebody that is being deleted does not bring the id back',
  async (_how, act) => {
    const user = await registerUser(app);
    const done = await besideDeletionOf(user, () => act(app.app.deps, OPERATOR, user.id));
    expect(done).toMatchObject({ outcome: { code: 'NOT_FOUND' }, recorded: [] });
  },
);

it.each([
  ['and may be mailed a link', 0, ['verify-email']],
  ['and may not', 5, []],
])('neither does who registers with their address, %s', async (_which, earlier, kinds) => {
  const user = await registerUser(app);
  const input = { email: user.email, password: 'a stranger’s own four words' };
  const register = () => verifying.gql(REGISTER, { input });
  for (let i = 0; i < earlier; i++) await register();
  const before = await kindsTo(app, user.email);
  const { outcome, recorded } = await besideDeletionOf(user, register);
  expect(outcome).toEqual({
    data: { register: { __typename: 'VerificationSent', email: user.email } },
  });
  expect(recorded).toEqual([]);
  expect(before).toHaveLength(1 + earlier);
  expect(await kindsTo(app, user.email)).toEqual(kinds);
});

it('neither does who asks for a reset of their disabled account', async () => {
  const user = await registerUser(app);
  const disable = "update users set status = 'DISABLED' where id = ?";
  await runSql(app.databaseUrl, disable, [idBytes(user.id)]);
  const { recorded } = await besideDeletionOf(user, async () => {
    requestPasswordReset(app.app.deps, user.email, OPERATOR.client);
    await app.app.deps.afterwards.idle();
  });
  expect(recorded).toEqual([]);
});
