import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  enrolTotp,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { kindsTo, mailsTo, tokenTo, verifyEmail } from '../support/mailbox.ts';

const NEW_PASSWORD = 'five words in another row';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function run(mutation: string, token: string): Promise<string> {
  const { data } = await app.gql(`mutation { r: ${mutation} { __typename } }`, {}, { token });
  return data.r.__typename;
}

/** The mails of the first kind are those of the registration. */
const noticesTo = async (email: string) =>
  (await kindsTo(app, email)).filter((kind) => kind !== 'verify-email');

it('tells of another password, once it is in force', async () => {
  const { email, accessToken } = await registerUser(app);
  const change = (current: string) =>
    `updateProfile(input: { newPassword: "${NEW_PASSWORD}", currentPassword: "${current}" })`;
  await run(change('wrong'), accessToken);
  expect(await noticesTo(email)).toEqual([]);
  await run(change(PASSWORD), accessToken);
  expect(await noticesTo(email)).toEqual(['password-changed']);
});

it('tells when TOTP is turned on and off, by the owner or an administrator', async () => {
  const [user, admin] = [await registerUser(app), await registerAdmin(app)];
  const { secret } = await enrolTotp(app, user);
  expect(await noticesTo(user.email)).toEqual(['totp-enabled']);
  app.clock.advance(1);
  const code = nextTotpCode(app, secret);
  await run(
    `disableTotp(input: { currentPassword: "${PASSWORD}", code: "${code}" })`,
    user.accessToken,
  );
  app.clock.advance(1);
  await enrolTotp(app, user);
  const reset = `resetUserTotp(id: "${user.id}")`;
  app.clock.advance(1);
  await run(reset, admin.accessToken);
  // there is nothing more to turn off
  await run(reset, admin.accessToken);
  expect(await noticesTo(user.email)).toEqual([
    'totp-enabled',
    'totp-disabled',
    'totp-enabled',
    'totp-disabled',
  ]);
});

it('tells of a sign-in from a device that was not there before', async () => {
  const user = await registerUser(app);
  const { email, deviceToken } = user;
  await logIn(app, { identifier: email, deviceToken });
  await logIn(app, { identifier: email, password: 'wrong' });
  expect(await noticesTo(email)).toEqual([]);
  app.clock.advance(1);
  const headers = { 'user-agent': 'Netscape/4' };
  const query = `mutation { login(input: { identifier: "${email}", password: "${PASSWORD}" }) { ... on LoginSuccess { tokens { deviceToken } } } }`;
  const { data } = await app.gql(query, {}, { from: '192.0.2.9', headers });
  const [, notice] = await mailsTo(app, email);
  expect(notice).toMatchObject({
    userId: user.id,
    message: { kind: 'new-device', ipAddress: '192.0.2.9', userAgent: 'Netscape/4' },
  });
  // that one is known now; one that belongs to somebody else is not
  await logIn(app, { identifier: email, deviceToken: data.login.tokens.deviceToken });
  expect(await noticesTo(email)).toHaveLength(1);
  const other = await registerUser(app);
  await logIn(app, { identifier: email, deviceToken: other.deviceToken });
  expect(await noticesTo(email)).toHaveLength(2);
});

it('tells of it when the code has been right, and not before', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  await logIn(app, { identifier: user.email });
  await logIn(app, { identifier: user.email, code: '000000' });
  expect(await noticesTo(user.email)).toEqual(['totp-enabled']);
  await logIn(app, { identifier: user.email, code: nextTotpCode(app, secret) });
  expect(await noticesTo(user.email)).toEqual(['totp-enabled', 'new-device']);
});

it('tells nobody of their very first sign-in', async () => {
  const admin = await registerAdmin(app);
  const email = `${newName()}@example.com`;
  await run(`createUser(input: { email: "${email}", password: "${PASSWORD}" })`, admin.accessToken);
  await logIn(app, { identifier: email });
  expect(await noticesTo(email)).toEqual([]);
  await logIn(app, { identifier: email });
  expect(await noticesTo(email)).toEqual(['new-device']);
});

it('does not tell of every run of a program that keeps no device token', async () => {
  const { email } = await registerUser(app);
  for (let i = 0; i < 8; i++) await logIn(app, { identifier: email });
  expect(await noticesTo(email)).toHaveLength(5);
  app.clock.advance(3600);
  await logIn(app, { identifier: email });
  expect(await noticesTo(email)).toHaveLength(6);
});

it('tells of a refresh token that came back, once', async () => {
  const { email, refreshToken } = await registerUser(app);
  await refresh(app, refreshToken);
  app.clock.advance(31);
  expect((await refresh(app, refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
  await refresh(app, refreshToken);
  expect(await noticesTo(email)).toEqual(['refresh-token-reused']);
});

it('tells of a deletion, by the owner or an administrator', async () => {
  const [user, other, admin] = [
    await registerUser(app),
    await registerUser(app),
    await registerAdmin(app),
  ];
  await run(
    `deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" })`,
    user.accessToken,
  );
  await run(`deleteUser(id: "${other.id}")`, admin.accessToken);
  for (const { email } of [user, other]) {
    expect(await mailsTo(app, email)).toMatchObject([
      { userId: null, message: { kind: 'account-deleted' } },
    ]);
  }
});

it('shows the phrase of a confirmed address whole, and of another one only plain words', async () => {
  const phrase = 'Seven seals @ 4 docks';
  const user = await registerUser(app, { phrase });
  await logIn(app, { identifier: user.email });
  expect(await mailsTo(app, user.email)).toMatchObject([{ phrase: null }, { phrase: null }]);
  await verifyEmail(app, await tokenTo(app, user.email, 'verify-email'), user.accessToken);
  app.clock.advance(1);
  await logIn(app, { identifier: user.email });
  expect((await mailsTo(app, user.email)).at(-1)).toMatchObject({ phrase });
});

it('tells nothing of what was not done after all', async () => {
  const { email, accessToken } = await registerUser(app);
  await runSql(
    app.databaseUrl,
    "create trigger refuse_events before insert on audit_events for each row signal sqlstate '45000' set message_text = 'no'",
  );
  try {
    const change = `updateProfile(input: { newPassword: "${NEW_PASSWORD}", currentPassword: "${PASSWORD}" })`;
    await app.gql(`mutation { r: ${change} { __typename } }`, {}, { token: accessToken });
  } finally {
    await runSql(app.databaseUrl, 'drop trigger refuse_events');
  }
  expect(await noticesTo(email)).toEqual([]);
  expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
});
