import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestEmailVerification } from '../../src/flows/email-verification.ts';
import { findSession } from '../../src/records/session.ts';
import {
  auditTypes,
  enrolTotp,
  idBytes,
  idOf,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  changeEmail,
  confirmAddress,
  kindsTo,
  mailsTo,
  requestVerification,
  resetPassword,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const NEW_PASSWORD = 'five words in another row';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function me(accessToken: string) {
  const { data } = await app.gql(
    '{ me { email emailVerified pendingEmail } }',
    {},
    { token: accessToken },
  );
  return data.me;
}

describe('the address of an account', () => {
  it('is confirmed by the link of the registration, opened by who is signed in', async () => {
    const user = await registerUser(app);
    expect(await me(user.accessToken)).toMatchObject({ emailVerified: false, pendingEmail: null });
    const token = await tokenTo(app, user.email, 'verify-email');
    const answer = await verifyEmail(app, token, user.accessToken);
    expect(answer).toEqual({
      __typename: 'VerifyEmailSuccess',
      user: { id: user.id, email: user.email, emailVerified: true, pendingEmail: null },
    });
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
    expect(await auditTypes(app, user.id)).toContain('EMAIL_VERIFIED');
    expect((await verifyEmail(app, token, user.accessToken)).code).toBe('INVALID_TOKEN');
  });

  it('is confirmed by a stranger to the account at the price of its password, which is chosen anew', async () => {
    const user = await registerUser(app);
    await enrolTotp(app, user);
    const somebody = await registerUser(app);
    const token = await tokenTo(app, user.email, 'verify-email');
    const answer = await verifyEmail(app, token, somebody.accessToken);
    expect(answer.user).toMatchObject({ id: user.id, emailVerified: true });
    expect(await isSignedIn(app, user.accessToken)).toBe(false);
    expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
    expect(await isSignedIn(app, somebody.accessToken)).toBe(true);
    await resetPassword(app, await tokenTo(app, user.email, 'reset-password'), NEW_PASSWORD);
    const login = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
    expect(login.__typename).toBe('LoginSuccess');
    expect(await auditTypes(app, user.id)).toEqual(
      expect.arrayContaining(['EMAIL_VERIFIED', 'PASSWORD_REMOVED', 'TOTP_DISABLED']),
    );
  });

  it('keeps the password of an account that was confirmed before', async () => {
    const user = await registerUser(app);
    const token = await tokenTo(app, user.email, 'verify-email');
    await runSql(app.databaseUrl, 'update users set email_verified_at = created_at where id = ?', [
      idBytes(user.id),
    ]);
    expect((await verifyEmail(app, token)).__typename).toBe('VerifyEmailSuccess');
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
  });

  it('shows whoever opens the link no sessions and no events', async () => {
    const user = await registerUser(app);
    const token = await tokenTo(app, user.email, 'verify-email');
    for (const field of [
      'sessions { id }',
      'auditEvents { edges { node { id } } }',
      'dataExport',
    ]) {
      const query = `mutation ($token: String!) {
        verifyEmail(input: { token: $token }) { ... on VerifyEmailSuccess { user { phrase ${field} } } }
      }`;
      const { data, errors } = await app.gql(query, { token });
      expect(JSON.stringify(data ?? null)).not.toMatch(/sessions|edges|version/);
      if (errors) expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    }
  });

  it('is asked for again, by a link that makes the earlier one void, and no longer than a day', async () => {
    const user = await registerUser(app);
    const first = await tokenTo(app, user.email, 'verify-email');
    expect(await requestVerification(app, user.accessToken)).toMatchObject({
      __typename: 'RequestEmailVerificationSuccess',
    });
    expect((await verifyEmail(app, first, user.accessToken)).code).toBe('INVALID_TOKEN');
    app.clock.advance(86_400);
    const late = await tokenTo(app, user.email, 'verify-email');
    expect((await verifyEmail(app, late)).code).toBe('INVALID_TOKEN');
    await confirmedAfresh(user.email);
  });

  async function confirmedAfresh(email: string): Promise<void> {
    const { tokens } = await logIn(app, { identifier: email });
    await requestVerification(app, tokens.accessToken);
    app.clock.advance(800);
    const token = await tokenTo(app, email, 'verify-email');
    expect((await verifyEmail(app, token, tokens.accessToken)).user.emailVerified).toBe(true);
    const mails = (await mailsTo(app, email)).length;
    await requestVerification(app, tokens.accessToken);
    expect(await mailsTo(app, email)).toHaveLength(mails);
  }

  it('is not confirmed by a link to another address, nor for an account that is disabled', async () => {
    const user = await registerUser(app);
    const token = await tokenTo(app, user.email, 'verify-email');
    const sql = (statement: string) =>
      runSql(app.databaseUrl, `update users set ${statement} where id = ?`, [idBytes(user.id)]);
    await sql("status = 'DISABLED'");
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
    await sql("status = 'ACTIVE', email = 'else@example.com', email_key = 'else@example.com'");
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
  });
});

describe('another address', () => {
  const confirmedUser = async () => {
    const user = await registerUser(app);
    await confirmAddress(app, user);
    return user;
  };

  it('is in force at once where only its case is another', async () => {
    const user = await confirmedUser();
    const { user: changed } = await changeEmail(app, user, user.email.toUpperCase());
    expect(changed).toMatchObject({ email: user.email.toUpperCase(), pendingEmail: null });
  });

  it('must be confirmed where it is only compared as the same', async () => {
    const user = await registerUser(app, { email: `${newName()}-é@example.com` });
    await confirmAddress(app, user);
    const other = user.email.replace('é', 'É');
    expect((await changeEmail(app, user, other)).code).toBe('EMAIL_TAKEN');
    expect(await kindsTo(app, other)).toEqual([]);
  });

  it('waits, is confirmed from its own mailbox, and can be undone from the old one', async () => {
    const user = await confirmedUser();
    const newEmail = `${newName()}@Example.org`;
    const answer = await changeEmail(app, user, newEmail);
    expect(answer.user).toEqual({ email: user.email, emailVerified: true, pendingEmail: newEmail });
    expect((await logIn(app, { identifier: newEmail })).code).toBe('INVALID_CREDENTIALS');
    expect(await kindsTo(app, newEmail)).toEqual(['confirm-email-change']);

    const confirmed = await verifyEmail(app, await tokenTo(app, newEmail, 'confirm-email-change'));
    expect(confirmed.user).toMatchObject({
      email: newEmail,
      emailVerified: true,
      pendingEmail: null,
    });
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
    expect((await logIn(app, { identifier: newEmail })).__typename).toBe('LoginSuccess');
    const notice = (await mailsTo(app, user.email)).at(-1);
    expect(notice?.message).toMatchObject({ kind: 'email-changed', newEmail });
    expect(await auditTypes(app, user.id)).toEqual(
      expect.arrayContaining(['EMAIL_CHANGE_REQUESTED', 'EMAIL_CHANGED']),
    );

    app.clock.advance(6 * 86_400);
    const undo = await tokenTo(app, user.email, 'email-changed');
    const undone = await verifyEmail(app, undo);
    expect(undone.user).toMatchObject({ email: user.email, emailVerified: true });
    expect(await isSignedIn(app, user.accessToken)).toBe(false);
    for (const identifier of [user.email, newEmail]) {
      expect((await logIn(app, { identifier })).code).toBe('INVALID_CREDENTIALS');
    }
    await resetPassword(app, await tokenTo(app, user.email, 'reset-password'), NEW_PASSWORD);
    const login = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
    expect(login.__typename).toBe('LoginSuccess');
    expect(await auditTypes(app, user.id)).toContain('EMAIL_CHANGE_UNDONE');
  });

  it('is undone within a week and not later', async () => {
    const user = await confirmedUser();
    const newEmail = `${newName()}@example.org`;
    await changeEmail(app, user, newEmail);
    await verifyEmail(app, await tokenTo(app, newEmail, 'confirm-email-change'));
    app.clock.advance(7 * 86_400);
    const undo = await tokenTo(app, user.email, 'email-changed');
    expect((await verifyEmail(app, undo)).code).toBe('INVALID_TOKEN');
  });

  it('is told to be taken at once, and also when somebody was faster to confirm it', async () => {
    const [user, other] = [await confirmedUser(), await confirmedUser()];
    expect((await changeEmail(app, user, other.email.toUpperCase())).code).toBe('EMAIL_TAKEN');
    const newEmail = `${newName()}@example.org`;
    await changeEmail(app, user, newEmail);
    const token = await tokenTo(app, newEmail, 'confirm-email-change');
    const faster = await registerUser(app, { email: newEmail });
    for (let i = 0; i < 2; i++) expect((await verifyEmail(app, token)).code).toBe('EMAIL_TAKEN');
    expect(await me(user.accessToken)).toMatchObject({ email: user.email, pendingEmail: newEmail });
    expect(await me(faster.accessToken)).toMatchObject({ emailVerified: false });
  });

  it('is mailed no dead link by a request that another change has overtaken, and the good one stays', async () => {
    const user = await confirmedUser();
    const [first, second] = [`${newName()}@example.org`, `${newName()}@example.org`];
    await changeEmail(app, user, first);
    const { deps } = app.app;
    const [row] = await runSql<{ id: Buffer }>(
      app.databaseUrl,
      'select id from sessions where user_id = ?',
      [idBytes(user.id)],
    );
    // as the request read it, before the other one was through
    const viewer = await findSession(deps.db, idOf(row?.id));
    if (viewer === null) throw new Error('Nobody is signed in.');
    await changeEmail(app, user, second);
    const client = { ipAddress: null, userAgent: null, requestId: null };
    await requestEmailVerification(deps, viewer, client);
    expect(await kindsTo(app, first)).toEqual(['confirm-email-change']);
    // nor there, where another link would be the death of the one that was mailed
    expect(await kindsTo(app, second)).toEqual(['confirm-email-change']);
    const token = await tokenTo(app, second, 'confirm-email-change');
    expect((await verifyEmail(app, token)).user.email).toBe(second);
  });

  it('replaces the one that waited before, is mailed again, and is taken back by the one in force', async () => {
    const user = await confirmedUser();
    const [first, second] = [`${newName()}@example.org`, `${newName()}@example.org`];
    await changeEmail(app, user, first);
    await changeEmail(app, user, second);
    const firstToken = await tokenTo(app, first, 'confirm-email-change');
    expect((await verifyEmail(app, firstToken)).code).toBe('INVALID_TOKEN');
    const secondToken = await tokenTo(app, second, 'confirm-email-change');
    await requestVerification(app, user.accessToken);
    expect(await kindsTo(app, second)).toEqual(['confirm-email-change', 'confirm-email-change']);
    expect((await verifyEmail(app, secondToken)).code).toBe('INVALID_TOKEN');
    const thirdToken = await tokenTo(app, second, 'confirm-email-change');
    const back = await changeEmail(app, user, user.email.toUpperCase());
    expect(back.user).toMatchObject({ email: user.email.toUpperCase(), pendingEmail: null });
    expect((await verifyEmail(app, thirdToken)).code).toBe('INVALID_TOKEN');
  });

  it('is forgotten with the password under which it was asked for', async () => {
    const user = await confirmedUser();
    const newEmail = `${newName()}@example.org`;
    await changeEmail(app, user, newEmail);
    const query = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }`;
    const input = { newPassword: NEW_PASSWORD, currentPassword: PASSWORD };
    await app.gql(query, { input }, { token: user.accessToken });
    const token = await tokenTo(app, newEmail, 'confirm-email-change');
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
    expect(await kindsTo(app, user.email)).toContain('password-changed');
  });
});
