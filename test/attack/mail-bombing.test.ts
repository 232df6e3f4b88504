import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { logIn, newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import {
  changeEmail,
  kindsTo,
  requestReset,
  requestVerification,
  resetPassword,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const HOUR = 3600;
const REGISTER = `mutation ($input: RegisterInput!) { register(input: $input) { __typename } }`;

/** The service as in production, with a mailbox of somebody that is to be filled; and one that confirms addresses. */
let app: TestApp;
let confirming: TestApp;
let open: TestApp;
beforeAll(async () => {
  open = await createTestApp();
  const over = { databaseUrl: open.databaseUrl, clock: open.clock };
  app = await createTestApp({ ...over, env: { RATE_LIMIT: 'on' } });
  const env = { RATE_LIMIT: 'on', REGISTRATION: 'verify', MAIL_RECIPIENT_LIMIT: '3' };
  confirming = await createTestApp({ ...over, env });
});
beforeEach(() => app.clock.advance(2 * HOUR));
afterAll(async () => {
  await confirming.close();
  await app.close();
  await open.close();
});

let lastAddress = 0;
const newAddress = () => `198.18.${lastAddress >> 8}.${lastAddress++ & 255}`;

/** Registers from another address of the network each time. */
async function register(at: TestApp, email: string, password = PASSWORD): Promise<string> {
  const sending = { from: newAddress() };
  // mails of one moment have no order
  at.clock.advance(1);
  const { data, errors } = await at.gql(REGISTER, { input: { email, password } }, sending);
  return String(data?.register.__typename ?? errors?.[0]?.extensions.code);
}

it('asks for links from one address at most 5 times for one account, whether or not there is one', async () => {
  for (const email of [(await registerUser(open)).email, `${newName()}@example.com`]) {
    const from = newAddress();
    const ask = async (spelling: string) => requestReset(app, spelling, from);
    for (const spelling of [email, email.toUpperCase(), ` ${email}`, email, email]) {
      expect((await ask(spelling)).__typename).toBe('RequestPasswordResetSuccess');
    }
    const sixth = await ask(email.toUpperCase());
    expect(sixth.errors).toMatchObject([
      {
        message: expect.stringMatching(/at most 5 .*requestPasswordReset\.account/),
        extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) },
      },
    ]);
    // another account is another matter
    const another = await requestReset(app, `${newName()}@example.com`, from);
    expect(another.__typename).toBe('RequestPasswordResetSuccess');
  }
});

it('asks from many addresses as often as it likes, and fills no mailbox', async () => {
  const user = await registerUser(open);
  for (let i = 0; i < 12; i++) {
    expect((await requestReset(app, user.email, newAddress())).__typename).toBe(
      'RequestPasswordResetSuccess',
    );
  }
  const resets = async () =>
    (await kindsTo(app, user.email)).filter((kind) => kind === 'reset-password').length;
  expect(await resets()).toBe(5);
  // and the last one that was sent is good: nobody is kept from their account by it
  const token = await tokenTo(app, user.email, 'reset-password');
  expect((await resetPassword(app, token, 'five words in a row')).__typename).toBe(
    'ResetPasswordSuccess',
  );
  app.clock.advance(HOUR);
  await requestReset(app, user.email, newAddress());
  expect(await resets()).toBe(6);
});

it('registers one address over and over, and fills no mailbox', async () => {
  const waiting = `${newName()}@example.com`;
  for (let i = 0; i < 8; i++) expect(await register(confirming, waiting)).toBe('VerificationSent');
  expect(await kindsTo(app, waiting)).toHaveLength(3);

  const owner = await registerUser(open);
  for (let i = 0; i < 8; i++) {
    expect(await register(confirming, owner.email)).toBe('VerificationSent');
  }
  expect(await kindsTo(app, owner.email)).toHaveLength(1 + 3);
});

it('cannot use the limit to kill the link of somebody’s registration', async () => {
  const email = `${newName()}@example.com`;
  for (let i = 0; i < 2; i++) await register(confirming, email, `guesses in a row ${i}`);
  await register(confirming, email);
  for (let i = 2; i < 9; i++) {
    expect(await register(confirming, email, `guesses in a row ${i}`)).toBe('VerificationSent');
  }
  expect(await kindsTo(app, email)).toHaveLength(3);
  // what was not mailed did not happen: neither the password nor the link of the others is good for anything
  const stranger = { identifier: email, password: 'guesses in a row 8' };
  expect((await logIn(confirming, stranger)).code).toBe('INVALID_CREDENTIALS');
  expect((await logIn(confirming, { identifier: email })).code).toBe('EMAIL_NOT_VERIFIED');
  const token = await tokenTo(app, email, 'verify-email');
  expect((await verifyEmail(confirming, token)).__typename).toBe('VerifyEmailSuccess');
  expect((await logIn(confirming, { identifier: email })).__typename).toBe('LoginSuccess');
});

it('signs in to a registration over and over, and is sent no more links than may be', async () => {
  const email = `${newName()}@example.com`;
  await register(confirming, email);
  for (let i = 0; i < 6; i++) {
    confirming.clock.advance(HOUR / 4);
    for (let j = 0; j < 2; j++) {
      const { code } = await logIn(confirming, { identifier: email }, newAddress());
      expect(code).toBe('EMAIL_NOT_VERIFIED');
    }
    await confirming.app.deps.afterwards.idle();
  }
  const mails = (await kindsTo(app, email)).length;
  expect(mails).toBeGreaterThan(2);
  expect(mails).toBeLessThanOrEqual(1 + 2 * 3);
});

it('asks for one link after another while signed in', async () => {
  const user = await registerUser(open);
  for (let i = 0; i < 5; i++) {
    expect((await requestVerification(app, user.accessToken)).__typename).toBe(
      'RequestEmailVerificationSuccess',
    );
  }
  const sixth = await requestVerification(app, user.accessToken);
  expect(sixth.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
});

it('has mails sent to one address after another by changing its own', async () => {
  const user = await registerUser(open);
  const changed: string[] = [];
  for (let i = 0; i < 7; i++) {
    const answer = await changeEmail(app, user, `${newName()}@example.org`);
    changed.push(String(answer.__typename ?? answer.errors?.[0].message));
  }
  expect(changed.slice(0, 5)).toEqual(Array(5).fill('UpdateProfileSuccess'));
  for (const message of changed.slice(5)) expect(message).toMatch(/MAIL_RECIPIENT_LIMIT/);
});

it('has them sent all at the same moment', async () => {
  const user = await registerUser(open);
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => changeEmail(app, user, `${newName()}@example.org`)),
  );
  const changed = answers.filter(({ __typename }) => __typename === 'UpdateProfileSuccess');
  expect(changed).toHaveLength(5);
  for (const { errors } of answers.filter((answer) => 'errors' in answer)) {
    expect(errors[0].extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(errors[0].extensions.retryAfter).toBeGreaterThan(HOUR - 60);
  }
});

it('has many accounts ask for the same address', async () => {
  const wanted = `${newName()}@example.org`;
  for (let i = 0; i < 7; i++) {
    const answer = await changeEmail(app, await registerUser(open), wanted);
    expect(answer.__typename).toBe('UpdateProfileSuccess');
  }
  expect(await kindsTo(app, wanted)).toHaveLength(5);
});

it('registers a stranger’s address and has notices sent there', async () => {
  const user = await registerUser(app);
  let { accessToken } = user;
  let password = PASSWORD;
  for (let i = 0; i < 8; i++) {
    const newPassword = `four words in row ${i}`;
    const query = `mutation ($input: UpdateProfileInput!) {
      updateProfile(input: $input) { ... on UpdateProfileSuccess { tokens { accessToken } } }
    }`;
    const input = { newPassword, currentPassword: password };
    const { data } = await app.gql(query, { input }, { token: accessToken });
    ({ accessToken } = data.updateProfile.tokens);
    password = newPassword;
  }
  expect(await kindsTo(app, user.email)).toHaveLength(1 + 5);
});

it('registers a stranger’s address, goes from it to another, and begins again', async () => {
  const email = `${newName()}@example.com`;
  for (let i = 0; i < 7; i++) {
    const user = await registerUser(open, { email });
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
    const own = `${newName()}@example.org`;
    await changeEmail(app, user, own);
    const token = await tokenTo(app, own, 'confirm-email-change');
    expect((await verifyEmail(app, token)).__typename).toBe('VerifyEmailSuccess');
  }
  const kinds = await kindsTo(app, email);
  expect(kinds.filter((kind) => kind === 'email-changed')).toHaveLength(5);
  expect(kinds.filter((kind) => kind === 'new-device')).toHaveLength(5);
});

it('registers a stranger’s address and deletes it, again and again', async () => {
  const email = `${newName()}@example.com`;
  for (let i = 0; i < 6; i++) {
    const { accessToken } = await registerUser(app, { email, username: null });
    const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
    const { data } = await app.gql(query, {}, { token: accessToken });
    expect(data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
  }
  // the links went with the accounts; the notices are the account's no more
  expect((await kindsTo(app, email)).length).toBe(5);
});

it('uses up one allowance to silence another', async () => {
  const user = await registerUser(open);
  for (let i = 0; i < 8; i++) expect(await register(app, user.email)).toBe('EmailTaken');
  await changeEmail(app, await registerUser(open), `${newName()}@example.org`);
  await requestReset(app, user.email, newAddress());
  expect(await kindsTo(app, user.email)).toContain('reset-password');
});
