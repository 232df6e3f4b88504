import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  INPUT_FAILURE,
  idBytes,
  isSignedIn,
  logIn,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  setRole,
  storedValues,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { mailsTo } from '../support/mailbox.ts';

const DELETE = `mutation ($input: DeleteAccountInput!) {
  deleteAccount(input: $input) { __typename ... on DeleteAccountSuccess { id } ${INPUT_FAILURE} }
}`;
const EVENTS = `query ($userId: ID, $type: AuditEventType) {
  admin {
    auditEvents(first: 100, userId: $userId, type: $type) {
      edges { node { type userId actorId ipAddress userAgent detail } }
    }
  }
}`;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());
beforeEach(() => runSql(app.databaseUrl, "update users set role = 'USER'"));

async function remove(user: { accessToken: string }, input: object = {}) {
  const given = { confirm: true, currentPassword: PASSWORD, ...input };
  const answer = await app.gql(DELETE, { input: given }, { token: user.accessToken });
  return answer.data?.deleteAccount ?? answer;
}

async function eventsFor(admin: TestUser, filter: object) {
  const { data } = await app.gql(EVENTS, { ...filter }, { token: admin.accessToken });
  return data.admin.auditEvents.edges.map((edge: { node: object }) => edge.node);
}

/** Where anything that would tell who it was is still stored. */
async function placesOf(user: TestUser): Promise<string[]> {
  const texts = [user.email, user.username, user.id, user.email.toLowerCase()];
  const needles = [idBytes(user.id), ...texts.map((text) => Buffer.from(text))];
  const values = await storedValues(app);
  const telling = values.filter(({ bytes }) => needles.some((needle) => bytes.includes(needle)));
  return telling.map((value) => value.place);
}

type Enrolled = TestUser & { secret: string; recoveryCodes: string[] };

/** A user with something in every table that knows users. */
async function livedInUser(): Promise<Enrolled> {
  const user = await registerUser(app, { displayName: 'Ada Lovelace', phrase: 'seven seals' });
  await logIn(app, { identifier: user.email, password: 'wrong' });
  await app.gql(
    `mutation { updateProfile(input: { displayName: "Ada", currentPassword: "no", newPassword: "no no no no" }) { __typename } }`,
    {},
    { token: user.accessToken },
  );
  const enrolled = await enrolTotp(app, user);
  await logIn(app, { identifier: user.username });
  await logIn(app, { identifier: user.email, code: wrongTotpCode(app, enrolled.secret) });
  await logIn(app, { identifier: user.email, code: nextTotpCode(app, enrolled.secret) });
  return { ...user, ...enrolled };
}

it('takes confirmation, the password, and nothing else without TOTP', async () => {
  const user = await registerUser(app);
  expect(await remove(user, { confirm: false })).toMatchObject({
    __typename: 'InvalidInput',
    fields: [{ path: 'confirm' }],
  });
  for (const currentPassword of ['', 'wrong', `${PASSWORD}\0`]) {
    expect(await remove(user, { currentPassword })).toMatchObject({
      __typename: 'InvalidCredentials',
    });
  }
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
  expect(await remove(user)).toEqual({ __typename: 'DeleteAccountSuccess', id: user.id });
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
});

it('takes a code too, of either kind, where TOTP is on', async () => {
  for (const codeOf of [
    ({ secret }: Enrolled) => nextTotpCode(app, secret),
    ({ recoveryCodes }: Enrolled) => recoveryCodes[0],
  ]) {
    const user = await livedInUser();
    for (const code of [undefined, null, '', wrongTotpCode(app, user.secret)]) {
      expect(await remove(user, { code })).toMatchObject({ __typename: 'InvalidCode' });
    }
    expect((await remove(user, { code: codeOf(user) })).id).toBe(user.id);
  }
});

it('leaves the account as it was when only the password was right', async () => {
  const user = await livedInUser();
  await remove(user, { code: wrongTotpCode(app, user.secret) });
  const { challenge } = await logIn(app, { identifier: user.email });
  const answer = await completeLogin(app, challenge, nextTotpCode(app, user.secret));
  expect(answer.__typename).toBe('LoginSuccess');
});

it('leaves neither id nor e-mail address nor username in any column of any table', async () => {
  const user = await livedInUser();
  const before = new Set(await placesOf(user));
  // that the search finds something where there is something
  expect([...before]).toEqual(
    expect.arrayContaining([
      'users.id',
      'users.email',
      'users.email_key',
      'users.username',
      'users.username_key',
      'sessions.user_id',
      'recovery_codes.user_id',
      'login_challenges.user_id',
      'audit_events.user_id',
      'audit_events.actor_id',
      'email_tokens.user_id',
      'email_tokens.email',
      'outbox.user_id',
    ]),
  );
  expect((await remove(user, { code: nextTotpCode(app, user.secret) })).id).toBe(user.id);
  expect(await placesOf(user)).toEqual([]);
});

it('tells the owner by a mail that nobody but the service can read, and that belongs to no account', async () => {
  const user = await registerUser(app);
  await remove(user);
  expect(await mailsTo(app, user.email)).toMatchObject([
    { userId: null, message: { kind: 'account-deleted' } },
  ]);
  expect(await placesOf(user)).toEqual([]);
});

it('leaves nothing that counts attempts at the account', async () => {
  const before = await runSql(app.databaseUrl, 'select * from attempt_counters');
  const user = await livedInUser();
  const { email: identifier, deviceToken } = user;
  await logIn(app, { identifier, deviceToken, password: 'wrong' });
  await logIn(app, { identifier, deviceToken, code: wrongTotpCode(app, user.secret) });
  await remove(user, { code: nextTotpCode(app, user.secret) });
  const after = await runSql(app.databaseUrl, 'select * from attempt_counters');
  expect(after).toEqual(before);
});

it('keeps what happened on record, under one pseudonym, without address, device or detail', async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  await logIn(app, { identifier: user.email, password: 'wrong' });
  await logIn(app, { identifier: user.email });
  // so that it is the newest
  app.clock.advance(1);
  await remove(user);
  expect(await eventsFor(admin, { userId: user.id })).toEqual([]);
  const [deletion] = await eventsFor(admin, { type: 'ACCOUNT_DELETED' });
  const events: { type: string }[] = await eventsFor(admin, { userId: deletion.userId });
  expect(events.map((event) => event.type).sort()).toEqual([
    'ACCOUNT_DELETED',
    'LOGIN_FAILED',
    'LOGIN_SUCCEEDED',
    'REGISTERED',
  ]);
  for (const event of events) {
    expect(event).toEqual({
      type: event.type,
      userId: deletion.userId,
      actorId: deletion.userId,
      ipAddress: null,
      userAgent: null,
      detail: {},
    });
  }
});

it("forgets an administrator's address in what they did to others", async () => {
  const [admin, gone, user] = [
    await registerAdmin(app),
    await registerAdmin(app),
    await registerUser(app),
  ];
  await app.gql(
    'mutation ($id: ID!) { unlockUser(id: $id) { __typename } }',
    { id: user.id },
    { token: gone.accessToken, from: '192.0.2.44', headers: { 'user-agent': 'Gone/1.0' } },
  );
  const unlocked = { userId: user.id, type: 'USER_UNLOCKED' };
  expect(await eventsFor(admin, unlocked)).toMatchObject([
    { actorId: gone.id, ipAddress: '192.0.2.44', userAgent: 'Gone/1.0' },
  ]);
  await remove(gone);
  const [event] = await eventsFor(admin, unlocked);
  expect(event).toMatchObject({ userId: user.id, ipAddress: null, userAgent: null });
  expect(event.actorId).not.toBe(gone.id);
  expect(await placesOf(gone)).toEqual([]);
});

it('gives the address to whoever registers it next, and nothing else', async () => {
  const user = await livedInUser();
  const deviceToken = user.deviceToken;
  await remove(user, { code: nextTotpCode(app, user.secret) });
  const next = await registerUser(app, { email: user.email, username: user.username });
  expect(next.id).not.toBe(user.id);
  const { data } = await app.gql(
    `{ me {
      displayName phrase role totpEnabled recoveryCodesRemaining sessions { id }
      auditEvents { edges { node { type } } }
    } }`,
    {},
    { token: next.accessToken },
  );
  expect(data.me).toMatchObject({
    displayName: null,
    phrase: null,
    role: 'USER',
    totpEnabled: false,
    recoveryCodesRemaining: 0,
    sessions: [{}],
    auditEvents: { edges: [{ node: { type: 'REGISTERED' } }] },
  });
  for (const old of [user.accessToken, user.refreshToken])
    expect(await isSignedIn(app, old)).toBe(false);
  // the old device is nobody's now: it has no attempts of its own
  for (let i = 0; i < 5; i++) await logIn(app, { identifier: next.email, password: 'wrong' });
  expect((await logIn(app, { identifier: next.email, deviceToken })).code).toBe('ACCOUNT_LOCKED');
});

it('refuses to lose the last active administrator', async () => {
  const [admin, disabled] = [await registerAdmin(app), await registerAdmin(app)];
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(disabled.id),
  ]);
  expect(await remove(admin)).toMatchObject({ __typename: 'LastAdmin', code: 'LAST_ADMIN' });
  expect(await isSignedIn(app, admin.accessToken)).toBe(true);
  await registerAdmin(app);
  expect((await remove(admin)).__typename).toBe('DeleteAccountSuccess');
});

it('refuses it without using up the code', async () => {
  const user = await registerUser(app);
  const { recoveryCodes } = await enrolTotp(app, user);
  await setRole(app, user, 'ADMIN');
  const [code] = recoveryCodes;
  expect((await remove(user, { code })).__typename).toBe('LastAdmin');
  expect((await logIn(app, { identifier: user.email, code })).__typename).toBe('LoginSuccess');
});

it('leaves one administrator of two who go at the same moment', async () => {
  for (let round = 0; round < 10; round++) {
    await runSql(app.databaseUrl, "update users set role = 'USER'");
    const admins = [await registerAdmin(app), await registerAdmin(app)];
    const answers = await Promise.all(admins.map((admin) => remove(admin)));
    expect(answers.map((answer) => answer.__typename).sort()).toEqual([
      'DeleteAccountSuccess',
      'LastAdmin',
    ]);
  }
});

it('happens once of many times at the same moment', async () => {
  const user = await registerUser(app);
  const answers = await Promise.all(Array.from({ length: 5 }, () => remove(user)));
  const kinds = answers.map((answer) => answer.__typename);
  expect(kinds).toContain('DeleteAccountSuccess');
  expect(
    answers.filter((answer) => answer.errors?.[0].extensions.code === 'INTERNAL_SERVER_ERROR'),
  ).toEqual([]);
  const admin = await registerAdmin(app);
  const deletions = await eventsFor(admin, { type: 'ACCOUNT_DELETED' });
  const pseudonyms = deletions.map((event: { userId: string }) => event.userId);
  expect(new Set(pseudonyms).size).toBe(pseudonyms.length);
});
