import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import {
  idBytes,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  changeEmail,
  confirmAddress,
  kindsTo,
  resetPassword,
  resetToken,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const OWN_PASSWORD = 'five words of the owner';
const THEIR_PASSWORD = 'five words of the thief';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function owner(): Promise<TestUser> {
  const user = await registerUser(app);
  await confirmAddress(app, user);
  return user;
}

/** Somebody with the password moves an account to an address of theirs. */
async function move(user: TestUser, to = `${newName()}@evil.example`): Promise<string> {
  await changeEmail(app, user, to);
  const confirmed = await verifyEmail(app, await tokenTo(app, to, 'confirm-email-change'));
  expect(confirmed.__typename).toBe('VerifyEmailSuccess');
  return to;
}

async function expectGivenBack(user: TestUser): Promise<void> {
  await resetPassword(app, await tokenTo(app, user.email, 'reset-password'), OWN_PASSWORD);
  const login = await logIn(app, { identifier: user.email, password: OWN_PASSWORD });
  expect(login).toMatchObject({ __typename: 'LoginSuccess', user: { id: user.id } });
}

it('S4: a new address is nothing before its own mailbox has confirmed it', async () => {
  const user = await owner();
  const to = `${newName()}@evil.example`;
  await changeEmail(app, user, to);
  const before = await kindsTo(app, to);
  await app.app.deps.afterwards.idle();
  await resetLinkTo(to);
  expect(await kindsTo(app, to)).toEqual(before);
  expect((await logIn(app, { identifier: to })).code).toBe('INVALID_CREDENTIALS');
});

async function resetLinkTo(email: string): Promise<void> {
  await app.gql(
    'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { message } }',
    { email },
  );
}

it('S4: takes the password, not only a session', async () => {
  const user = await owner();
  const query = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }`;
  for (const currentPassword of [undefined, '', 'wrong words in a row']) {
    const input = { newEmail: `${newName()}@evil.example`, currentPassword };
    const { data } = await app.gql(query, { input }, { token: user.accessToken });
    expect(data.updateProfile.__typename).toMatch(/^Invalid(Input|Credentials)$/);
  }
});

it('S4: the owner gets the account back, and the thief is out with session, password and links', async () => {
  const user = await owner();
  const thief = (await logIn(app, { identifier: user.email })).tokens;
  const to = await move({ ...user, accessToken: thief.accessToken });
  const theirs = await resetToken(app, to);
  const undo = await tokenTo(app, user.email, 'email-changed');
  expect((await verifyEmail(app, undo)).user.email).toBe(user.email);
  expect(await isSignedIn(app, thief.accessToken)).toBe(false);
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  expect((await resetPassword(app, theirs, THEIR_PASSWORD)).code).toBe('INVALID_TOKEN');
  await expectGivenBack(user);
});

it('S4: the way back survives another password, by a change or by a link', async () => {
  for (const how of ['change', 'reset'] as const) {
    const user = await owner();
    const to = await move(user);
    if (how === 'reset') await resetPassword(app, await resetToken(app, to), THEIR_PASSWORD);
    else {
      const query = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }`;
      const input = { newPassword: THEIR_PASSWORD, currentPassword: PASSWORD };
      await app.gql(query, { input }, { token: user.accessToken });
    }
    const undo = await tokenTo(app, user.email, 'email-changed');
    expect((await verifyEmail(app, undo)).user.email).toBe(user.email);
    await expectGivenBack(user);
  }
});

it('S4: the way back survives a second change, also one that is undone to disarm the first', async () => {
  for (const undoSecond of [false, true]) {
    const user = await owner();
    const first = await move(user);
    app.clock.advance(1);
    const second = await move(user);
    if (undoSecond) await verifyEmail(app, await tokenTo(app, first, 'email-changed'));
    const undo = await tokenTo(app, user.email, 'email-changed');
    expect((await verifyEmail(app, undo)).user.email).toBe(user.email);
    for (const email of [first, second]) {
      const late = await tokenTo(app, email, 'confirm-email-change');
      expect((await verifyEmail(app, late)).code).toBe('INVALID_TOKEN');
    }
    if (!undoSecond) {
      const theirs = await tokenTo(app, first, 'email-changed');
      expect((await verifyEmail(app, theirs)).code).toBe('INVALID_TOKEN');
    }
    await expectGivenBack(user);
  }
});

it('S4: the way back is not blocked by an account that the thief registers at the old address', async () => {
  const user = await owner();
  await move(user);
  const squatter = await registerUser(app, { email: user.email });
  const undo = await tokenTo(app, user.email, 'email-changed');
  expect((await verifyEmail(app, undo)).user).toMatchObject({ id: user.id, email: user.email });
  expect(await isSignedIn(app, squatter.accessToken)).toBe(false);
  await expectGivenBack(user);
});

it('S4: whoever has confirmed the old address in the meantime keeps it', async () => {
  const user = await owner();
  await move(user);
  const next = await registerUser(app, { email: user.email });
  await confirmAddress(app, next);
  const undo = await tokenTo(app, user.email, 'email-changed');
  expect((await verifyEmail(app, undo)).code).toBe('EMAIL_TAKEN');
  expect(await isSignedIn(app, next.accessToken)).toBe(true);
});

it('S4: also whoever confirms it at the very moment when the change is undone', async () => {
  const user = await owner();
  await move(user);
  const next = await registerUser(app, { email: user.email });
  const undo = await tokenTo(app, user.email, 'email-changed');
  const confirming = await createConnection(connectionOptions(app.databaseUrl, () => ''));
  await confirming.beginTransaction();
  const query = 'update users set email_verified_at = created_at where id = ?';
  await confirming.query(query, [idBytes(next.id)]);
  const undone = verifyEmail(app, undo);
  // long enough for it to have come as far as the row, which is locked
  await delay(500);
  await confirming.commit();
  await confirming.end();
  expect((await undone).code).toBe('EMAIL_TAKEN');
  expect(await isSignedIn(app, next.accessToken)).toBe(true);
});

it('S5: a link belongs to its account and address, and is nowhere to be read', async () => {
  const [user, other] = [await owner(), await owner()];
  const token = await resetToken(app, user.email);
  const [row] = await runSql<{ token_hash: Buffer }>(
    app.databaseUrl,
    "select token_hash from email_tokens where user_id = ? and purpose = 'RESET_PASSWORD'",
    [idBytes(user.id)],
  );
  for (const near of [
    row?.token_hash.toString('base64url') ?? '',
    row?.token_hash.toString('hex') ?? '',
    token.slice(0, -1),
    `${token} `,
    `${token}=`,
    token.toUpperCase(),
  ]) {
    expect((await resetPassword(app, near, THEIR_PASSWORD)).code).toBe('INVALID_TOKEN');
  }
  expect((await resetPassword(app, token, OWN_PASSWORD)).__typename).toBe('ResetPasswordSuccess');
  expect((await logIn(app, { identifier: other.email })).__typename).toBe('LoginSuccess');
});

it('U2: a look-alike of an address gets no link, and none goes to the look-alike', async () => {
  const user = await owner();
  const lookalike = user.email.replace('a', 'á');
  await resetLinkTo(lookalike);
  await resetLinkTo(user.email.replace('@', '＠'));
  await resetLinkTo(`${user.email}\r\nBcc: thief@evil.example`);
  await resetLinkTo(`${user.email},thief@evil.example`);
  await app.app.deps.afterwards.idle();
  const [row] = await runSql<{ n: number }>(
    app.databaseUrl,
    "select count(*) as n from email_tokens where user_id = ? and purpose = 'RESET_PASSWORD'",
    [idBytes(user.id)],
  );
  // the full-width one is the same address, in another spelling: it goes to the one on record
  expect(row?.n).toBe(1);
  expect(await kindsTo(app, user.email)).toContain('reset-password');
  for (const email of [lookalike, 'thief@evil.example'])
    expect(await kindsTo(app, email)).toEqual([]);
});
