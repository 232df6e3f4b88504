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
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  changeEmail,
  confirmAddress,
  mailsTo,
  requestVerification,
  resetPassword,
  resetToken,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const OWN_PASSWORD = 'five words of the owner';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** An attacker registers with the address of somebody who is not here yet, and signs in on a second device. */
async function hijacked(input: Record<string, unknown> = {}) {
  const attacker = await registerUser(app, input);
  const { tokens } = await logIn(app, { identifier: attacker.email, remember: true });
  return { attacker, second: tokens };
}

async function expectLockedOut(attacker: TestUser, second: TestUser): Promise<void> {
  for (const { accessToken, refreshToken } of [attacker, second]) {
    expect(await isSignedIn(app, accessToken)).toBe(false);
    expect((await refresh(app, refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  }
  for (const identifier of [attacker.email, attacker.username]) {
    const { deviceToken, password } = attacker;
    const login = await logIn(app, { identifier, password, deviceToken });
    expect(login.code).toBe('INVALID_CREDENTIALS');
  }
}

it('S3: who registered with a stranger’s address is out when the stranger opens the link', async () => {
  const { attacker, second } = await hijacked();
  const token = await tokenTo(app, attacker.email, 'verify-email');
  expect((await verifyEmail(app, token)).user.emailVerified).toBe(true);
  await expectLockedOut(attacker, second);
  const chosen = await tokenTo(app, attacker.email, 'reset-password');
  await resetPassword(app, chosen, OWN_PASSWORD);
  await expectLockedOut(attacker, second);
  const login = await logIn(app, { identifier: attacker.email, password: OWN_PASSWORD });
  expect(login.__typename).toBe('LoginSuccess');
});

it('S3: and a second factor of theirs does not keep the owner out', async () => {
  const { attacker, second } = await hijacked();
  const { secret } = await enrolTotp(app, attacker);
  const { challenge } = await logIn(app, { identifier: attacker.email });
  await verifyEmail(app, await tokenTo(app, attacker.email, 'verify-email'));
  const completed = await completeLogin(app, challenge, nextTotpCode(app, secret));
  expect(completed.code).toBe('INVALID_CHALLENGE');
  await expectLockedOut(attacker, second);
  await resetPassword(app, await tokenTo(app, attacker.email, 'reset-password'), OWN_PASSWORD);
  const login = await logIn(app, { identifier: attacker.email, password: OWN_PASSWORD });
  expect(login.__typename).toBe('LoginSuccess');
});

it('S3: is out when the owner of the address resets the password instead', async () => {
  const { attacker, second } = await hijacked();
  await resetPassword(app, await resetToken(app, attacker.email), OWN_PASSWORD);
  await expectLockedOut(attacker, second);
});

it('S3: and a second factor of theirs does not keep the owner out then either', async () => {
  const { attacker, second } = await hijacked();
  const { secret, recoveryCodes } = await enrolTotp(app, attacker);
  const { challenge } = await logIn(app, { identifier: attacker.email });
  await resetPassword(app, await resetToken(app, attacker.email), OWN_PASSWORD);
  for (const code of [nextTotpCode(app, secret), recoveryCodes[0] ?? '']) {
    expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CHALLENGE');
  }
  await expectLockedOut(attacker, second);
  const login = await logIn(app, { identifier: attacker.email, password: OWN_PASSWORD });
  expect(login.__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, attacker.id)).toContain('TOTP_DISABLED');
  const codesLeft = 'select id from recovery_codes where user_id = ?';
  expect(await runSql(app.databaseUrl, codesLeft, [idBytes(attacker.id)])).toEqual([]);
  const owner = { ...attacker, ...login.tokens, password: OWN_PASSWORD };
  expect((await enrolTotp(app, owner)).recoveryCodes).toHaveLength(10);
});

it('S3: leaves a phrase that they know in no mail, whichever way the owner confirms the address', async () => {
  const phrase = 'Seven seals @ 4 docks';
  const byLink = await hijacked({ phrase });
  await verifyEmail(app, await tokenTo(app, byLink.attacker.email, 'verify-email'));
  const byReset = await hijacked({ phrase });
  await resetPassword(app, await resetToken(app, byReset.attacker.email), OWN_PASSWORD);
  for (const { attacker } of [byLink, byReset]) {
    const { email, id } = attacker;
    app.clock.advance(1);
    await resetPassword(app, await resetToken(app, email), OWN_PASSWORD);
    await logIn(app, { identifier: email, password: OWN_PASSWORD });
    const mails = await mailsTo(app, email);
    expect(mails.length).toBeGreaterThan(3);
    expect(mails.map((mail) => mail.phrase).filter((shown) => shown !== null)).toEqual([]);
    expect(await auditTypes(app, id)).toContain('PROFILE_UPDATED');
  }
});

it('a second factor and a phrase stay where the address was confirmed before', async () => {
  const phrase = 'Seven seals @ 4 docks';
  const owner = await registerUser(app, { phrase });
  await confirmAddress(app, owner);
  await enrolTotp(app, owner);
  app.clock.advance(1);
  await resetPassword(app, await resetToken(app, owner.email), OWN_PASSWORD);
  const login = await logIn(app, { identifier: owner.email, password: OWN_PASSWORD });
  expect(login.__typename).toBe('MfaRequired');
  expect((await mailsTo(app, owner.email)).at(-1)).toMatchObject({ phrase });
});

it('S3: has no words of theirs mailed as the new address of an account that nobody confirmed', async () => {
  const { attacker } = await hijacked();
  const theirs = `you-won-${newName()}@claim-it.example`;
  await changeEmail(app, attacker, theirs);
  await verifyEmail(app, await tokenTo(app, theirs, 'confirm-email-change'));
  const [notice] = (await mailsTo(app, attacker.email)).slice(-1);
  expect(notice?.message).toMatchObject({ kind: 'email-changed', newEmail: null });
  expect(JSON.stringify(await mailsTo(app, attacker.email))).not.toContain('claim-it');
});

it('S3: leaves no address of their own waiting behind the owner’s', async () => {
  const { attacker } = await hijacked();
  const theirs = `${newName()}@evil.example`;
  await changeEmail(app, attacker, theirs);
  await verifyEmail(app, await tokenTo(app, attacker.email, 'verify-email'));
  const token = await tokenTo(app, theirs, 'confirm-email-change');
  expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
});

it('S3: cannot have the owner confirm without losing it, however often they ask for links', async () => {
  const { attacker, second } = await hijacked();
  await requestVerification(app, attacker.accessToken);
  await requestVerification(app, second.accessToken);
  await verifyEmail(app, await tokenTo(app, attacker.email, 'verify-email'));
  await expectLockedOut(attacker, { ...attacker, ...second });
});

it('has nothing sent to a stranger in their own words', async () => {
  for (const phrase of [
    'You won: https://evil.example/x',
    'call +1 555 0100',
    'write to me@evil.example',
    'evil.example',
  ]) {
    const { attacker } = await hijacked({ phrase, displayName: phrase });
    await resetToken(app, attacker.email);
    const elsewhere = `${newName()}@example.org`;
    await changeEmail(app, attacker, elsewhere);
    const mails = [...(await mailsTo(app, attacker.email)), ...(await mailsTo(app, elsewhere))];
    expect(mails.length).toBeGreaterThan(2);
    expect(JSON.stringify(mails)).not.toContain(phrase);
  }
});

it('but an owner whose token has just expired is told to refresh, and keeps password and sessions', async () => {
  const owner = await registerUser(app);
  const token = await tokenTo(app, owner.email, 'verify-email');
  app.clock.advance(16 * 60);
  const expired = await app.gql(
    'mutation($token: String!) { verifyEmail(input: { token: $token }) { __typename } }',
    { token },
    { token: owner.accessToken },
  );
  expect(expired.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  const { tokens } = await refresh(app, owner.refreshToken);
  expect((await verifyEmail(app, token, tokens.accessToken)).user.emailVerified).toBe(true);
  expect(await isSignedIn(app, tokens.accessToken)).toBe(true);
  expect((await logIn(app, { identifier: owner.email })).__typename).toBe('LoginSuccess');
});
