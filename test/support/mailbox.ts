import { decrypt } from '../../src/crypto/cipher.ts';
import type { Mail, MailKind } from '../../src/mail/message.ts';
import { idOf } from './account.ts';
import type { TestApp } from './app.ts';
import { runSql } from './database.ts';

/** A mail in the outbox, with the account it belongs to. */
export type StoredMail = Mail & { userId: string | null };

/** All mails to an address, oldest first. Waits for the background work that continues after answers. */
export async function mailsTo(app: TestApp, email: string): Promise<StoredMail[]> {
  return (await allMails(app)).filter((mail) => mail.to === email);
}

/** All mails ever written. */
export async function allMails(app: TestApp): Promise<StoredMail[]> {
  const { afterwards, keyring } = app.app.deps;
  await afterwards.idle();
  const rows = await runSql<{ id: Buffer; userId: Buffer | null; envelope: Buffer }>(
    app.databaseUrl,
    `select id, user_id as userId, envelope from outbox
     where envelope is not null order by created_at, id`,
  );
  return rows.map(({ id, userId, envelope }) => ({
    ...(JSON.parse(decrypt(keyring.keys('mail'), envelope, idOf(id)).toString()) as Mail),
    userId: userId === null ? null : idOf(userId),
  }));
}

export async function kindsTo(app: TestApp, email: string): Promise<MailKind[]> {
  return (await mailsTo(app, email)).map((mail) => mail.message.kind);
}

/** The token in the latest mail of a kind to an address. */
export async function tokenTo(app: TestApp, email: string, kind: MailKind): Promise<string> {
  const mails = await mailsTo(app, email);
  const message = mails.findLast((mail) => mail.message.kind === kind)?.message;
  const token = message && 'token' in message ? message.token : undefined;
  if (!token) throw new Error(`No ${kind} with a token was mailed to ${email}.`);
  return token;
}

const ERROR = '... on Error { __typename code message }';

/** Requests a password reset, a second later, because mails of the same moment have no order. */
export async function requestReset(app: TestApp, email: string, from?: string) {
  const query =
    'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { __typename message } }';
  app.clock.advance(1);
  const answer = await app.gql(query, { email }, from === undefined ? {} : { from });
  await app.app.deps.afterwards.idle();
  return answer.data?.requestPasswordReset ?? answer;
}

/** Requests a password reset and returns the token of its link. */
export async function resetToken(app: TestApp, email: string): Promise<string> {
  await requestReset(app, email);
  return tokenTo(app, email, 'reset-password');
}

export async function resetPassword(app: TestApp, token: string, newPassword: string) {
  const query = `mutation ($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      __typename ... on ResetPasswordSuccess { message } ${ERROR} ... on InvalidInput { fields { path message } }
    }
  }`;
  const answer = await app.gql(query, { input: { token, newPassword } });
  return answer.data?.resetPassword ?? answer;
}

export async function verifyEmail(app: TestApp, token: string, accessToken?: string) {
  const query = `mutation ($token: String!) {
    verifyEmail(input: { token: $token }) {
      __typename ... on VerifyEmailSuccess { user { id email emailVerified pendingEmail } } ${ERROR}
    }
  }`;
  const sending = accessToken === undefined ? {} : { token: accessToken };
  const answer = await app.gql(query, { token }, sending);
  return answer.data?.verifyEmail ?? answer;
}

export async function requestVerification(app: TestApp, accessToken: string) {
  const query = 'mutation { requestEmailVerification { __typename message } }';
  app.clock.advance(1);
  const answer = await app.gql(query, {}, { token: accessToken });
  return answer.data?.requestEmailVerification ?? answer;
}

/** Confirms the address that a user registered with, signed in as that user. */
export async function confirmAddress(
  app: TestApp,
  user: { email: string; accessToken: string },
): Promise<void> {
  const token = await tokenTo(app, user.email, 'verify-email');
  const { __typename } = await verifyEmail(app, token, user.accessToken);
  if (__typename !== 'VerifyEmailSuccess') throw new Error(`Not confirmed: ${__typename}`);
}

/** Requests a change of the e-mail address, with the password. */
export async function changeEmail(
  app: TestApp,
  user: { password: string; accessToken: string },
  newEmail: string,
) {
  const query = `mutation ($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      __typename ... on UpdateProfileSuccess { user { email emailVerified pendingEmail } } ${ERROR}
    }
  }`;
  const input = { newEmail, currentPassword: user.password };
  app.clock.advance(1);
  const answer = await app.gql(query, { input }, { token: user.accessToken });
  return answer.data?.updateProfile ?? answer;
}
