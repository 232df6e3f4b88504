import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  completeLogin,
  enrolTotp,
  idBytes,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  allMails,
  changeEmail,
  confirmAddress,
  kindsTo,
  mailsTo,
  requestReset,
  resetPassword,
  resetToken,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const NEW_PASSWORD = 'five words in another row';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

it('mails a link to the address on record, good for another password', async () => {
  const user = await registerUser(app, { phrase: 'seven sleepy seals' });
  expect(await requestReset(app, `  ${user.email.toUpperCase()} `)).toEqual({
    __typename: 'RequestPasswordResetSuccess',
    message: expect.stringMatching(/^If there is an account/),
  });
  const mail = (await mailsTo(app, user.email)).at(-1);
  expect(mail).toEqual({
    to: user.email,
    userId: user.id,
    phrase: 'seven sleepy seals',
    at: app.clock.now().getTime(),
    message: {
      kind: 'reset-password',
      token: expect.stringMatching(/^[\w-]{43}$/),
      expiresAt: app.clock.now().getTime() + 30 * 60_000,
    },
  });
  const token = await tokenTo(app, user.email, 'reset-password');
  expect(await resetPassword(app, token, NEW_PASSWORD)).toEqual({
    __typename: 'ResetPasswordSuccess',
    message: expect.any(String),
  });
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  const signedIn = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
  expect(signedIn.__typename).toBe('LoginSuccess');
  expect(await kindsTo(app, user.email)).toEqual(
    expect.arrayContaining(['verify-email', 'reset-password', 'password-changed']),
  );
  expect(await auditTypes(app, user.id)).toEqual(
    expect.arrayContaining(['PASSWORD_RESET_REQUESTED', 'PASSWORD_RESET']),
  );
});

it('ends all sessions and half-finished sign-ins, and confirms the address', async () => {
  const user = await registerUser(app);
  await enrolTotp(app, user);
  const { challenge } = await logIn(app, { identifier: user.email });
  await resetPassword(app, await resetToken(app, user.email), NEW_PASSWORD);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  expect((await completeLogin(app, challenge, '000000')).code).toBe('INVALID_CHALLENGE');
  const [row] = await runSql(app.databaseUrl, 'select email_verified_at from users where id = ?', [
    idBytes(user.id),
  ]);
  expect(row?.email_verified_at).toEqual(app.clock.now());
});

it('signs nobody in and leaves the second factor of a confirmed address', async () => {
  const user = await registerUser(app);
  await confirmAddress(app, user);
  const { secret } = await enrolTotp(app, user);
  const answer = await resetPassword(app, await resetToken(app, user.email), NEW_PASSWORD);
  expect(Object.keys(answer).sort()).toEqual(['__typename', 'message']);
  const login = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
  expect(login.__typename).toBe('MfaRequired');
  const completed = await completeLogin(app, login.challenge, nextTotpCode(app, secret));
  expect(completed.__typename).toBe('LoginSuccess');
});

it('lifts the locks of the password, on known devices too, and not those of the codes', async () => {
  const user = await registerUser(app);
  await confirmAddress(app, user);
  const { secret } = await enrolTotp(app, user);
  const device = { identifier: user.email, deviceToken: user.deviceToken };
  const wrong = { password: 'wrong words in a row' };
  for (const how of [{ identifier: user.email }, { identifier: user.username }, device]) {
    for (let i = 0; i < 5; i++) await logIn(app, { ...how, ...wrong });
    expect((await logIn(app, how)).code).toBe('ACCOUNT_LOCKED');
  }
  await resetPassword(app, await resetToken(app, user.email), NEW_PASSWORD);
  for (const how of [{ identifier: user.email }, { identifier: user.username }, device]) {
    const login = await logIn(app, { ...how, password: NEW_PASSWORD });
    expect(login.__typename).toBe('MfaRequired');
  }
  const identifier = user.username;
  for (let i = 0; i < 5; i++) {
    const code = wrongTotpCode(app, secret);
    expect((await logIn(app, { identifier, password: NEW_PASSWORD, code })).code).toBe(
      'INVALID_CODE',
    );
  }
  await resetPassword(app, await resetToken(app, user.email), PASSWORD);
  const code = nextTotpCode(app, secret);
  expect((await logIn(app, { identifier, code })).code).toBe('ACCOUNT_LOCKED');
});

it('is good for half an hour, or for as long as the operator says', async () => {
  const user = await registerUser(app);
  const [late, inTime] = [await resetToken(app, user.email), 30 * 60];
  app.clock.advance(inTime);
  expect((await resetPassword(app, late, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
  const token = await resetToken(app, user.email);
  app.clock.advance(inTime - 1);
  expect((await resetPassword(app, token, NEW_PASSWORD)).__typename).toBe('ResetPasswordSuccess');
  const { databaseUrl, clock } = app;
  const longer = await createTestApp({ databaseUrl, clock, env: { PASSWORD_RESET_TTL: '7200' } });
  try {
    const long = await resetToken(longer, user.email);
    clock.advance(7199);
    expect((await resetPassword(longer, long, PASSWORD)).__typename).toBe('ResetPasswordSuccess');
  } finally {
    await longer.close();
  }
});

it('is good once, and only the newest is', async () => {
  const user = await registerUser(app);
  const [first, second] = [await resetToken(app, user.email), await resetToken(app, user.email)];
  expect(first).not.toBe(second);
  expect((await resetPassword(app, first, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
  expect((await resetPassword(app, second, NEW_PASSWORD)).__typename).toBe('ResetPasswordSuccess');
  expect((await resetPassword(app, second, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
});

it('stays good when the new password is refused, and says why', async () => {
  const user = await registerUser(app);
  const token = await resetToken(app, user.email);
  const hashes = app.hashes();
  for (const bad of ['short', 'password123', user.email, user.username, 'x'.repeat(129)]) {
    expect(await resetPassword(app, token, bad)).toMatchObject({
      __typename: 'InvalidInput',
      fields: [{ path: 'newPassword' }],
    });
  }
  expect(app.hashes()).toBe(hashes);
  expect((await resetPassword(app, token, NEW_PASSWORD)).__typename).toBe('ResetPasswordSuccess');
});

it.each(['', 'x', 'A'.repeat(43), 'x'.repeat(50_000), '\0', '\uD800'])(
  'takes no token that never was, and hashes nothing for it (%#)',
  async (token) => {
    const hashes = app.hashes();
    const answer = await resetPassword(app, token, NEW_PASSWORD);
    expect(answer).toMatchObject({ __typename: 'InvalidToken', code: 'INVALID_TOKEN' });
    expect(app.hashes()).toBe(hashes);
  },
);

it('writes to nobody without an account, to no disabled one, and by no username', async () => {
  const user = await registerUser(app);
  const disabled = await registerUser(app);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(disabled.id),
  ]);
  const before = (await allMails(app)).length;
  const strangers = [disabled.email, user.username, `${newName()}@example.com`];
  for (const email of [...strangers, '', '@', '\0', 'x'.repeat(600)]) {
    expect((await requestReset(app, email)).__typename).toBe('RequestPasswordResetSuccess');
  }
  expect(await allMails(app)).toHaveLength(before);
});

it('is no way into an account that was disabled since', async () => {
  const user = await registerUser(app);
  const token = await resetToken(app, user.email);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(user.id),
  ]);
  expect((await resetPassword(app, token, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
});

it('makes every other link void, and is made void by another password', async () => {
  const user = await registerUser(app);
  const verifying = await tokenTo(app, user.email, 'verify-email');
  const newEmail = `${newName()}@example.org`;
  await changeEmail(app, user, newEmail);
  const changing = await tokenTo(app, newEmail, 'confirm-email-change');
  await resetPassword(app, await resetToken(app, user.email), NEW_PASSWORD);
  for (const token of [verifying, changing]) {
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
  }

  const token = await resetToken(app, user.email);
  const { tokens } = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
  const query = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }`;
  const input = { newPassword: PASSWORD, currentPassword: NEW_PASSWORD };
  await app.gql(query, { input }, { token: tokens.accessToken });
  expect((await resetPassword(app, token, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
});

it('goes with the address it was sent to', async () => {
  const user = await registerUser(app);
  await confirmAddress(app, user);
  const token = await resetToken(app, user.email);
  const newEmail = `${newName()}@example.org`;
  await changeEmail(app, user, newEmail);
  await verifyEmail(app, await tokenTo(app, newEmail, 'confirm-email-change'));
  expect((await resetPassword(app, token, NEW_PASSWORD)).code).toBe('INVALID_TOKEN');
});

it('answers although the database is too busy to write, and logs that it could not', async () => {
  const user = await registerUser(app);
  await runSql(
    app.databaseUrl,
    "create trigger refuse_mails before insert on outbox for each row signal sqlstate '45000' set message_text = 'no'",
  );
  try {
    const answer = await requestReset(app, user.email);
    expect(answer.__typename).toBe('RequestPasswordResetSuccess');
    await app.app.deps.afterwards.idle();
  } finally {
    await runSql(app.databaseUrl, 'drop trigger refuse_mails');
  }
  // neither a token nor a record of what did not happen
  expect(await auditTypes(app, user.id)).not.toContain('PASSWORD_RESET_REQUESTED');
  expect((await resetToken(app, user.email)).length).toBe(43);
});
