import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUser } from '../../src/flows/user-creation.ts';
import {
  auditTypes,
  countRows,
  enrolTotp,
  idBytes,
  logIn,
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  changeEmail,
  kindsTo,
  mailsTo,
  requestReset,
  resetPassword,
  resetToken,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';

const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegisterSuccess { user { id } tokens { accessToken } }
    ... on VerificationSent { email }
    ... on Error { code message } ... on InvalidInput { fields { path message } }
  }
}`;
const OTHER_PASSWORD = 'five words in another row';

/** The service as it was before, open to all, and over the same database with REGISTRATION=verify and closed. */
let open: TestApp;
let app: TestApp;
let closed: TestApp;
beforeAll(async () => {
  open = await createTestApp();
  const over = { databaseUrl: open.databaseUrl, clock: open.clock };
  app = await createTestApp({ ...over, env: { REGISTRATION: 'verify' } });
  closed = await createTestApp({ ...over, env: { REGISTRATION: 'closed' } });
});
afterAll(async () => {
  await closed.close();
  await app.close();
  await open.close();
});

async function register(input: Record<string, unknown>, at = app) {
  at.clock.advance(1);
  const answer = await at.gql(REGISTER, { input: { password: PASSWORD, ...input } });
  return answer.data?.register ?? answer;
}

const newEmail = () => `${newName()}@example.com`;

async function userAt(email: string) {
  const [row] = await runSql<{ id: Buffer; username: string | null; password_hash: string }>(
    app.databaseUrl,
    'select id, username, password_hash, display_name from users where email = ?',
    [email],
  );
  return row;
}

describe('REGISTRATION=verify', () => {
  it('signs nobody in before the address is confirmed, and then by the password chosen', async () => {
    const email = newEmail();
    const before = await countRows(app);
    const answer = await register({ email: ` ${email} `, cookies: true });
    expect(answer).toEqual({ __typename: 'VerificationSent', email });
    // the account itself comes with the confirmation
    expect(await countRows(app)).toMatchObject({
      users: before.users,
      pending_registrations: (before.pending_registrations ?? 0) + 1,
      sessions: before.sessions,
    });
    expect((await logIn(app, { identifier: email })).code).toBe('EMAIL_NOT_VERIFIED');
    expect((await logIn(app, { identifier: email, password: 'wrong' })).code).toBe(
      'INVALID_CREDENTIALS',
    );
    const confirmed = await verifyEmail(app, await tokenTo(app, email, 'verify-email'));
    expect(confirmed.user).toMatchObject({ email, emailVerified: true, pendingEmail: null });
    const { __typename, user } = await logIn(app, { identifier: email });
    expect(__typename).toBe('LoginSuccess');
    expect(await kindsTo(app, email)).toEqual(['verify-email']);
    expect((await auditTypes(app, user.id)).sort()).toEqual([
      'EMAIL_VERIFIED',
      'LOGIN_SUCCEEDED',
      'REGISTERED',
    ]);
    expect((await countRows(app)).pending_registrations).toBe(before.pending_registrations);
  });

  it('answers the owner of an address in the same way, and tells them by mail', async () => {
    const owner = await registerUser(open);
    await runSql(app.databaseUrl, 'update users set email_verified_at = created_at where id = ?', [
      idBytes(owner.id),
    ]);
    const before = await userAt(owner.email);
    const answer = await register({ email: owner.email.toUpperCase(), password: OTHER_PASSWORD });
    expect(answer).toEqual({ __typename: 'VerificationSent', email: owner.email.toUpperCase() });
    expect(await kindsTo(app, owner.email)).toContain('already-registered');
    expect(await mailsTo(app, owner.email.toUpperCase())).toEqual([]);
    expect(await userAt(owner.email)).toEqual(before);
    expect((await logIn(app, { identifier: owner.email })).__typename).toBe('LoginSuccess');
    expect(await auditTypes(app, owner.id)).toContain('REGISTRATION_REPEATED');
  });

  it('lets a registration be repeated until it is confirmed: the newest counts, the older link is dead', async () => {
    const [email, username] = [newEmail(), newName()];
    await register({ email, username, displayName: 'First' });
    const first = await tokenTo(app, email, 'verify-email');
    const again = { email: email.toUpperCase(), username, password: OTHER_PASSWORD };
    expect((await register(again)).__typename).toBe('VerificationSent');
    expect((await verifyEmail(app, first)).code).toBe('INVALID_TOKEN');
    const second = await tokenTo(app, email.toUpperCase(), 'verify-email');
    expect((await verifyEmail(app, second)).__typename).toBe('VerifyEmailSuccess');
    expect((await logIn(app, { identifier: username })).code).toBe('INVALID_CREDENTIALS');
    const login = await logIn(app, { identifier: username, password: OTHER_PASSWORD });
    expect(login.__typename).toBe('LoginSuccess');
    expect(await userAt(email)).toMatchObject({ username, display_name: null });
  });

  it.each([
    ['registered while that was open, and in use', async () => registerUser(open)],
    [
      'invited',
      async () => {
        const admin = await registerAdmin(open);
        return created(admin, { email: newEmail() });
      },
    ],
    [
      'given by an administrator with a password',
      async () => {
        const admin = await registerAdmin(open);
        return created(admin, { email: newEmail(), password: PASSWORD });
      },
    ],
  ])('leaves an account alone that is not confirmed but was %s', async (_what, make) => {
    const { email } = await make();
    const before = await userAt(email);
    expect(await register({ email, password: OTHER_PASSWORD })).toEqual({
      __typename: 'VerificationSent',
      email,
    });
    expect(await userAt(email)).toEqual(before);
    expect((await kindsTo(app, email)).at(-1)).toBe('already-registered');
  });

  async function created(admin: TestUser, input: object): Promise<{ email: string }> {
    const query = `mutation ($input: CreateUserInput!) {
      createUser(input: $input) { ... on CreateUserSuccess { user { email } } }
    }`;
    const { data } = await open.gql(query, { input }, { token: admin.accessToken });
    return data.createUser.user;
  }

  it('tells of a taken username alike, whoever has the address', async () => {
    const owner = await registerUser(open);
    await runSql(app.databaseUrl, 'update users set email_verified_at = created_at where id = ?', [
      idBytes(owner.id),
    ]);
    const waiting = { email: newEmail(), username: newName() };
    await register(waiting);
    for (const email of [owner.email, waiting.email, newEmail()]) {
      const taken = await register({ email, username: owner.username.toUpperCase() });
      expect(taken).toMatchObject({ __typename: 'UsernameTaken' });
    }
    // a registration that waits holds no username, so that it does not tell its address either
    for (const email of [owner.email, waiting.email, newEmail()]) {
      const answer = await register({ email, username: waiting.username });
      expect(answer.__typename).toBe('VerificationSent');
    }
  });

  it('gives a username to the first of those who waited with it, and the others none', async () => {
    const username = newName();
    const emails = [newEmail(), newEmail(), newEmail()];
    for (const email of emails) await register({ email, username, displayName: 'Somebody' });
    const names: (string | null | undefined)[] = [];
    for (const email of emails) {
      const confirmed = await verifyEmail(app, await tokenTo(app, email, 'verify-email'));
      expect(confirmed.__typename).toBe('VerifyEmailSuccess');
      names.push((await userAt(email))?.username);
      expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
    }
    expect(names).toEqual([username, null, null]);
  });

  it('is void where somebody has come to have the address otherwise', async () => {
    const email = newEmail();
    await register({ email, password: OTHER_PASSWORD });
    const token = await tokenTo(app, email, 'verify-email');
    await registerUser(open, { email: email.toUpperCase() });
    const users = (await countRows(app)).users;
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
    expect((await countRows(app)).users).toBe(users);
  });

  it('becomes one account when its link is opened many times at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const email = newEmail();
      await register({ email, username: newName() });
      const users = (await countRows(app)).users ?? 0;
      const token = await tokenTo(app, email, 'verify-email');
      const opened = await Promise.all(Array.from({ length: 6 }, () => verifyEmail(app, token)));
      const good = opened.filter(({ __typename }) => __typename === 'VerifyEmailSuccess');
      expect(good).toHaveLength(1);
      expect(opened.filter(({ code }) => code === 'INVALID_TOKEN')).toHaveLength(5);
      expect((await countRows(app)).users).toBe(users + 1);
    }
  });

  it('can be confirmed while registration is open again, and not once it is closed', async () => {
    const emails = [newEmail(), newEmail()] as const;
    for (const email of emails) await register({ email });
    const [first, second] = [
      await tokenTo(app, emails[0], 'verify-email'),
      await tokenTo(app, emails[1], 'verify-email'),
    ];
    expect((await verifyEmail(closed, first)).code).toBe('INVALID_TOKEN');
    expect((await verifyEmail(open, second)).user).toMatchObject({ emailVerified: true });
    expect((await verifyEmail(app, first)).__typename).toBe('VerifyEmailSuccess');
  });

  it('has a link that runs out', async () => {
    const email = newEmail();
    await register({ email });
    app.clock.advance(86_400);
    const token = await tokenTo(app, email, 'verify-email');
    expect((await verifyEmail(app, token)).code).toBe('INVALID_TOKEN');
    expect((await logIn(app, { identifier: email })).code).toBe('EMAIL_NOT_VERIFIED');
    const another = await tokenTo(app, email, 'verify-email');
    expect((await verifyEmail(app, another)).__typename).toBe('VerifyEmailSuccess');
  });

  it('mails a link again to who signs in with the right password, once in a quarter of an hour', async () => {
    const email = newEmail();
    await register({ email });
    for (let i = 0; i < 4; i++) {
      expect((await logIn(app, { identifier: email })).code).toBe('EMAIL_NOT_VERIFIED');
    }
    expect(await kindsTo(app, email)).toEqual(['verify-email']);
    app.clock.advance(2 * 86_400);
    for (let i = 0; i < 4; i++) await logIn(app, { identifier: email });
    expect(await kindsTo(app, email)).toEqual(['verify-email', 'verify-email']);
    expect((await logIn(app, { identifier: email, password: 'x' })).code).toBe(
      'INVALID_CREDENTIALS',
    );
    const token = await tokenTo(app, email, 'verify-email');
    expect((await verifyEmail(app, token)).user.emailVerified).toBe(true);
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
  });

  it('mails a link again as soon as the last has run out, where links are good for less', async () => {
    const env = { REGISTRATION: 'verify', EMAIL_VERIFICATION_TTL: '300' };
    const brief = await createTestApp({ databaseUrl: open.databaseUrl, clock: open.clock, env });
    const email = newEmail();
    await register({ email }, brief);
    // an account from before REGISTRATION=verify, whose link was mailed at the same time
    const user = await registerUser(open);
    for (const identifier of [email, user.email]) {
      await logIn(brief, { identifier });
      expect(await kindsTo(brief, identifier)).toEqual(['verify-email']);
    }
    brief.clock.advance(301);
    for (const identifier of [email, user.email]) {
      expect((await logIn(brief, { identifier })).code).toBe('EMAIL_NOT_VERIFIED');
      expect(await kindsTo(brief, identifier)).toEqual(['verify-email', 'verify-email']);
    }
    await brief.close();
  });

  it('counts an early sign-in as a failure, and lifts the lock once the address is confirmed', async () => {
    const email = newEmail();
    await register({ email });
    for (let i = 0; i < 5; i++) {
      expect((await logIn(app, { identifier: email })).code).toBe('EMAIL_NOT_VERIFIED');
    }
    expect((await logIn(app, { identifier: email })).code).toBe('ACCOUNT_LOCKED');
    await verifyEmail(app, await tokenTo(app, email, 'verify-email'));
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
  });

  it('is said before the second factor is asked for, and locks nobody', async () => {
    const user = await registerUser(open);
    await enrolTotp(open, user);
    for (let i = 0; i < 8; i++) {
      const login = await logIn(app, { identifier: user.email, code: '000000' });
      expect(login.code).toBe('EMAIL_NOT_VERIFIED');
    }
  });

  it('takes the password of an account from before that time, which somebody else may know', async () => {
    const user = await registerUser(open);
    const token = await tokenTo(open, user.email, 'verify-email');
    expect((await verifyEmail(app, token)).__typename).toBe('VerifyEmailSuccess');
    expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  });

  it('lets in whom the operator created, who may have no mail server yet', async () => {
    const operator = {
      userId: null,
      client: { ipAddress: null, userAgent: 'command line', requestId: null },
    };
    const email = newEmail();
    const names = { email, username: null, displayName: null };
    const input = { ...names, password: PASSWORD, role: 'ADMIN', appMetadata: {} } as const;
    const { emailVerifiedAt } = await createUser(app.app.deps, operator, input);
    expect(emailVerifiedAt).toEqual(app.clock.now());
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
  });

  it('is no account that a password could be reset of', async () => {
    const email = newEmail();
    await register({ email });
    await requestReset(app, email);
    expect(await kindsTo(app, email)).toEqual(['verify-email']);
  });

  it('makes one account of twenty registrations of one address at the same moment, and one link is good', async () => {
    const email = newEmail();
    const before = await countRows(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => register({ email, password: `${OTHER_PASSWORD} ${i}` })),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ __typename: 'VerificationSent', email })]),
    );
    const waiting = (before.pending_registrations ?? 0) + 1;
    expect((await countRows(app)).pending_registrations).toBe(waiting);
    const mails = await mailsTo(app, email);
    expect(mails).toHaveLength(20);
    const good: string[] = [];
    for (const { message } of mails) {
      if (!('token' in message)) continue;
      const { __typename } = await verifyEmail(app, message.token);
      if (__typename === 'VerifyEmailSuccess') good.push(message.token);
    }
    expect(good).toHaveLength(1);
    expect((await countRows(app)).users).toBe((before.users ?? 0) + 1);
  });

  it('does not tell a signed-in user that a new address is taken, before its owner opens the link', async () => {
    const owner = await registerUser(open);
    const user = await registerUser(open);
    const answer = await changeEmail(app, user, owner.email);
    expect(answer).toMatchObject({
      __typename: 'UpdateProfileSuccess',
      user: { email: user.email, pendingEmail: owner.email },
    });
    const token = await tokenTo(app, owner.email, 'confirm-email-change');
    expect((await verifyEmail(app, token)).code).toBe('EMAIL_TAKEN');
  });
});

describe('REGISTRATION=closed', () => {
  it('refuses everybody alike, before anything is hashed, and says what to do', async () => {
    const owner = await registerUser(open);
    const hashes = closed.hashes();
    for (const input of [{ email: newEmail() }, { email: owner.email }, { email: 'x' }]) {
      expect(await register(input, closed)).toMatchObject({
        __typename: 'InvalidInput',
        fields: [{ path: 'email', message: expect.stringMatching(/closed.*invitation/) }],
      });
    }
    expect(closed.hashes()).toBe(hashes);
  });

  it('lets those in who have an account, confirmed or not', async () => {
    const owner = await registerUser(open);
    expect((await logIn(closed, { identifier: owner.email })).__typename).toBe('LoginSuccess');
  });

  it('lets an invited person choose a password, which confirms the address', async () => {
    const admin = await registerAdmin(open);
    const email = newEmail();
    const query = `mutation ($input: CreateUserInput!) {
      createUser(input: $input) { ... on CreateUserSuccess { user { id emailVerified } } }
    }`;
    const { data } = await closed.gql(query, { input: { email } }, { token: admin.accessToken });
    const { id, emailVerified } = data.createUser.user;
    expect(emailVerified).toBe(false);
    expect(await kindsTo(closed, email)).toEqual(['invitation']);
    closed.clock.advance(7 * 86_400 - 1);
    const token = await tokenTo(closed, email, 'invitation');
    expect((await resetPassword(closed, token, 'short')).__typename).toBe('InvalidInput');
    const chosen = await resetPassword(closed, token, PASSWORD);
    expect(chosen.__typename).toBe('ResetPasswordSuccess');
    expect((await resetPassword(closed, token, OTHER_PASSWORD)).code).toBe('INVALID_TOKEN');
    const login = await logIn(app, { identifier: email });
    expect(login.__typename).toBe('LoginSuccess');
    expect(await kindsTo(closed, email)).toEqual(['invitation']);
    expect(await auditTypes(closed, id)).toEqual(
      expect.arrayContaining(['USER_CREATED', 'USER_INVITED', 'INVITATION_ACCEPTED']),
    );
  });

  it('lets an invitation expire after a week, and a link be asked for instead', async () => {
    const admin = await registerAdmin(open);
    const email = newEmail();
    const query = `mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }`;
    await closed.gql(query, { input: { email } }, { token: admin.accessToken });
    const token = await tokenTo(closed, email, 'invitation');
    closed.clock.advance(7 * 86_400);
    expect((await resetPassword(closed, token, PASSWORD)).code).toBe('INVALID_TOKEN');
    const again = await resetToken(closed, email);
    expect((await resetPassword(closed, again, PASSWORD)).__typename).toBe('ResetPasswordSuccess');
  });
});
