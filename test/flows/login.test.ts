import { hashSync as bcryptHashSync } from 'bcrypt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  enrolTotp,
  idBytes,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  registerUser,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { __typename ... on Error { code message } ... on LoginSuccess { user { id } } }
}`;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** So many sign-ins with a wrong password, one after the other. @returns how each ended */
async function fail(identifier: string, times: number, deviceToken?: string): Promise<string[]> {
  const codes: string[] = [];
  for (let i = 0; i < times; i++) {
    const input = { identifier, password: `wrong ${i}`, deviceToken };
    codes.push((await logIn(app, input)).code);
  }
  return codes;
}

const FIVE_FAILURES = Array(5).fill('INVALID_CREDENTIALS');

async function storedHash(user: TestUser): Promise<string> {
  const [row] = await runSql<{ password_hash: string }>(
    app.databaseUrl,
    'select password_hash from users where id = ?',
    [idBytes(user.id)],
  );
  return row?.password_hash ?? '';
}

async function plantHash(user: TestUser, hash: string): Promise<void> {
  const id = idBytes(user.id);
  await runSql(app.databaseUrl, 'update users set password_hash = ? where id = ?', [hash, id]);
}

it('takes the e-mail address and the username in any spelling', async () => {
  const name = `é${newName('x')}`;
  const user = await registerUser(app, { username: name, email: `${name}@example.com` });
  for (const identifier of [
    name,
    ` ${name.toUpperCase()} `,
    name.normalize('NFD'),
    name.replaceAll('x', 'ｘ'),
    `${name}@example.com`,
    `\t${name}@EXAMPLE.com\n`,
    `${name}@example.com`.normalize('NFD').toUpperCase(),
    `${name}＠example.com`,
  ]) {
    const answer = await logIn(app, { identifier });
    expect(answer.user?.id, identifier).toBe(user.id);
  }
});

it('opens a session, remembers when, and puts it on record', async () => {
  const user = await registerUser(app);
  app.clock.advance(60);
  const { tokens } = await logIn(app, { identifier: user.email });
  expect(tokens.refreshToken).not.toBe(user.refreshToken);
  const { data } = await app.gql(
    '{ me { lastLoginAt sessions { current createdAt } } }',
    {},
    { token: tokens.accessToken },
  );
  const now = app.clock.now().toISOString();
  expect(data.me.lastLoginAt).toBe(now);
  expect(data.me.sessions).toMatchObject([{ current: true, createdAt: now }, { current: false }]);
  expect(await auditTypes(app, user.id)).toEqual(['REGISTERED', 'LOGIN_SUCCEEDED']);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('lasts a day, or thirty when it is to be remembered', async () => {
  const user = await registerUser(app);
  const days = async (input: object) => {
    const { tokens } = await logIn(app, { identifier: user.email, ...input });
    return (Date.parse(tokens.refreshExpiresAt) - app.clock.now().getTime()) / 86_400_000;
  };
  expect(await days({})).toBe(1);
  expect(await days({ remember: null })).toBe(1);
  expect(await days({ remember: true })).toBe(30);
});

it.each([
  ['in another case', PASSWORD.toUpperCase()],
  ['with a space after it', `${PASSWORD} `],
  ['with a space before it', ` ${PASSWORD}`],
  ['but its last letter', PASSWORD.slice(0, -1)],
  ['with a letter more', `${PASSWORD}x`],
  ['empty', ''],
])('takes no password that is the right one %s', async (_how, password) => {
  const user = await registerUser(app);
  expect(await logIn(app, { identifier: user.email, password })).toMatchObject({
    __typename: 'InvalidCredentials',
  });
});

it('answers the same, at the cost of one hash, for an unknown name and a wrong password', async () => {
  const user = await registerUser(app);
  const answers: string[] = [];
  for (const identifier of [user.email, user.username, newName(), `${newName()}@example.com`]) {
    const hashes = app.hashes();
    const input = { identifier, password: 'not the right words' };
    const response = await app.post({ query: LOGIN, variables: { input } });
    answers.push(`${response.status} ${await response.text()}`);
    expect(app.hashes() - hashes, identifier).toBe(1);
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toContain('InvalidCredentials');
});

it.each([
  ['password with a null', { password: `${PASSWORD}\0` }],
  ['password with a lone surrogate', { password: `${PASSWORD}\uD800` }],
  ['password of 129 characters', { password: 'x'.repeat(129) }],
  ['password of 90 kB', { password: 'x'.repeat(90_000) }],
  ['identifier with a null', { identifier: 'ada\0' }],
  ['identifier with a lone surrogate', { identifier: '\uDC00ada' }],
  ['identifier of 90 kB', { identifier: 'x'.repeat(90_000) }],
])('refuses what cannot be right before it costs a hash: %s', async (_what, input) => {
  const hashes = app.hashes();
  const answer = await logIn(app, { identifier: newName(), ...input });
  expect(answer.code).toBe('INVALID_CREDENTIALS');
  expect(app.hashes()).toBe(hashes);
});

it.each([
  ['an account', true],
  ['a name that nobody has', false],
])('locks %s after five failures in a row, and says for how long', async (_what, exists) => {
  const identifier = exists ? (await registerUser(app)).email : `${newName()}@example.com`;
  expect(await fail(identifier, 5)).toEqual(FIVE_FAILURES);
  const hashes = app.hashes();
  expect(await logIn(app, { identifier, password: PASSWORD })).toMatchObject({
    __typename: 'AccountLocked',
    code: 'ACCOUNT_LOCKED',
    retryAfter: 900,
  });
  app.clock.advance(600.5);
  expect(await logIn(app, { identifier })).toMatchObject({ retryAfter: 300 });
  expect(app.hashes()).toBe(hashes);
  app.clock.advance(300);
  const answer = await logIn(app, { identifier });
  expect(answer.__typename).toBe(exists ? 'LoginSuccess' : 'InvalidCredentials');
});

it('counts anew once a lock is over', async () => {
  const { email } = await registerUser(app);
  await fail(email, 5);
  app.clock.advance(901);
  expect(await fail(email, 5)).toEqual(FIVE_FAILURES);
  expect((await logIn(app, { identifier: email })).code).toBe('ACCOUNT_LOCKED');
});

it('forgets failures after a success, and after a quarter of an hour', async () => {
  const { email } = await registerUser(app);
  for (let i = 0; i < 2; i++) {
    expect(await fail(email, 4)).toEqual(FIVE_FAILURES.slice(1));
    expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
  }
  await fail(email, 4);
  app.clock.advance(901);
  await fail(email, 4);
  expect((await logIn(app, { identifier: email })).__typename).toBe('LoginSuccess');
});

it('counts all spellings of a name together', async () => {
  const name = `é${newName('x')}`;
  await registerUser(app, { username: name });
  const spellings = [
    name.toUpperCase(),
    ` ${name}`,
    name.normalize('NFD'),
    name.replace('x', 'ｘ'),
  ];
  for (const identifier of spellings) await fail(identifier, 1);
  await fail(name, 1);
  expect((await logIn(app, { identifier: name })).code).toBe('ACCOUNT_LOCKED');
});

it('keeps the lock of one account from all others', async () => {
  const [one, other] = [await registerUser(app), await registerUser(app)];
  await fail(one.email, 6);
  expect((await logIn(app, { identifier: other.email })).__typename).toBe('LoginSuccess');
});

it('puts failures and locks on record, without what was typed', async () => {
  const user = await registerUser(app);
  await fail(user.email, 6);
  const types = await auditTypes(app, user.id);
  expect(types.filter((type) => type === 'LOGIN_FAILED')).toHaveLength(5);
  expect(types.filter((type) => type === 'ACCOUNT_LOCKED')).toHaveLength(1);
  const events = await runSql(app.databaseUrl, 'select detail from audit_events');
  expect(JSON.stringify(events)).not.toMatch(/wrong \d|@example/);
});

it('lets 32 right passwords in at the same moment', async () => {
  const user = await registerUser(app);
  const answers = await Promise.all(
    Array.from({ length: 32 }, () => logIn(app, { identifier: user.email })),
  );
  expect(answers.map((answer) => answer.__typename)).toEqual(Array(32).fill('LoginSuccess'));
  expect((await fail(user.email, 1))[0]).toBe('INVALID_CREDENTIALS');
});

it.each([
  ['an account', true],
  ['a name that nobody has', false],
])(
  'checks at most five of thirty wrong passwords for %s at the same moment',
  async (_w, exists) => {
    const identifier = exists ? (await registerUser(app)).email : newName();
    const hashes = app.hashes();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => logIn(app, { identifier, password: `guess ${i}` })),
    );
    const codes = answers.map((answer) => answer.code).sort();
    expect(codes).toEqual([...Array(25).fill('ACCOUNT_LOCKED'), ...FIVE_FAILURES]);
    expect(app.hashes() - hashes).toBe(5);
  },
);

it('checks at most five of thirty, whichever of two instances they reach', async () => {
  const other = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock });
  try {
    const { email } = await registerUser(app);
    const hashes = app.hashes() + other.hashes();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        logIn(i % 2 === 0 ? app : other, { identifier: email, password: `guess ${i}` }),
      ),
    );
    expect(answers.filter((answer) => answer.code === 'INVALID_CREDENTIALS')).toHaveLength(5);
    expect(app.hashes() + other.hashes() - hashes).toBe(5);
    expect((await logIn(other, { identifier: email })).code).toBe('ACCOUNT_LOCKED');
  } finally {
    await other.close();
  }
});

it('lets a known device in while others guess, with a number of attempts of its own', async () => {
  const user = await registerUser(app);
  await fail(user.email, 6);
  const { email: identifier, deviceToken } = user;
  expect((await logIn(app, { identifier, deviceToken })).__typename).toBe('LoginSuccess');
  expect((await logIn(app, { identifier })).code).toBe('ACCOUNT_LOCKED');
  expect(await fail(identifier, 5, deviceToken)).toEqual(FIVE_FAILURES);
  const locked = await logIn(app, { identifier, deviceToken });
  expect(locked).toMatchObject({ code: 'ACCOUNT_LOCKED', retryAfter: 900 });
});

it("does not lock its owner's other devices when one device fails", async () => {
  const user = await registerUser(app);
  const { tokens } = await logIn(app, { identifier: user.email });
  expect(tokens.deviceToken).not.toBe(user.deviceToken);
  await fail(user.email, 6, tokens.deviceToken);
  for (const deviceToken of [undefined, user.deviceToken]) {
    const answer = await logIn(app, { identifier: user.email, deviceToken });
    expect(answer.__typename).toBe('LoginSuccess');
  }
});

it('keeps a device its own token when it signs in with it', async () => {
  const user = await registerUser(app);
  const { email: identifier, deviceToken } = user;
  const { tokens } = await logIn(app, { identifier, deviceToken });
  const device = (token: string) => token.split('.')[0];
  expect(device(tokens.deviceToken)).toBe(device(deviceToken));
});

it.each([
  ["somebody else's", (_own: string, other: string) => other],
  ['a forged', (own: string) => `${own.slice(0, -3)}AAA`],
  ['a prolonged', (own: string) => own.replace(/\.\d{10}\./, '.9999999999.')],
  ['an empty', () => ''],
  ['a huge', () => 'x'.repeat(50_000)],
])('gives no attempts for %s device token', async (_what, tamper) => {
  const [user, stranger] = [await registerUser(app), await registerUser(app)];
  const deviceToken = tamper(user.deviceToken, stranger.deviceToken);
  expect(await fail(user.email, 5, deviceToken)).toEqual(FIVE_FAILURES);
  expect((await logIn(app, { identifier: user.email, deviceToken })).code).toBe('ACCOUNT_LOCKED');
});

it('tells that an account is disabled after the right password only', async () => {
  const user = await registerUser(app);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(user.id),
  ]);
  expect(await fail(user.email, 1)).toEqual(['INVALID_CREDENTIALS']);
  expect(await logIn(app, { identifier: user.email })).toMatchObject({
    __typename: 'AccountDisabled',
    code: 'ACCOUNT_DISABLED',
  });
  const [row] = await runSql<{ n: number }>(
    app.databaseUrl,
    'select count(*) as n from sessions where user_id = ?',
    [idBytes(user.id)],
  );
  expect(row?.n).toBe(1);
});

it('signs nobody in to an account that has no password yet', async () => {
  const user = await registerUser(app);
  const sql = 'update users set password_hash = null where id = ?';
  await runSql(app.databaseUrl, sql, [idBytes(user.id)]);
  for (const password of ['', PASSWORD, 'null']) {
    const answer = await logIn(app, { identifier: user.email, password });
    expect(answer.code).toBe('INVALID_CREDENTIALS');
  }
});

it('takes password and code in one request', async () => {
  const user = await registerUser(app);
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const wrong = await logIn(app, { identifier: user.email, code: wrongTotpCode(app, secret) });
  expect(wrong).toMatchObject({ __typename: 'InvalidCode', code: 'INVALID_CODE' });
  const code = nextTotpCode(app, secret);
  const wrongPassword = await logIn(app, { identifier: user.email, password: 'no', code });
  expect(wrongPassword.code).toBe('INVALID_CREDENTIALS');
  expect((await logIn(app, { identifier: user.email, code })).__typename).toBe('LoginSuccess');
  expect((await logIn(app, { identifier: user.email, code })).code).toBe('INVALID_CODE');
  const recovery = await logIn(app, { identifier: user.email, code: recoveryCodes[0] });
  expect(recovery.__typename).toBe('LoginSuccess');
});

it('takes no notice of a code that an account does not need', async () => {
  const user = await registerUser(app);
  const answer = await logIn(app, { identifier: user.email, code: '000000' });
  expect(answer.__typename).toBe('LoginSuccess');
});

it('locks the second factor after five wrong codes, whatever the password does', async () => {
  const user = await registerUser(app);
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const identifier = user.email;
  for (let i = 0; i < 5; i++) {
    const answer = await logIn(app, { identifier, code: wrongTotpCode(app, secret) });
    expect(answer.code).toBe('INVALID_CODE');
    expect((await logIn(app, { identifier })).__typename).toBe('MfaRequired');
  }
  const code = nextTotpCode(app, secret);
  expect(await logIn(app, { identifier, code })).toMatchObject({
    code: 'ACCOUNT_LOCKED',
    retryAfter: 870,
  });
  const recovery = await logIn(app, { identifier, code: recoveryCodes[0] });
  expect(recovery.code).toBe('ACCOUNT_LOCKED');
  app.clock.advance(900);
  const later = await logIn(app, { identifier, code: nextTotpCode(app, secret) });
  expect(later.__typename).toBe('LoginSuccess');
});

it('brings a hash up to the cost of today at the first good sign-in', async () => {
  const user = await registerUser(app);
  const before = await storedHash(user);
  const other = await createTestApp({
    databaseUrl: app.databaseUrl,
    clock: app.clock,
    env: { ARGON2_MEMORY: '16', ARGON2_PASSES: '2' },
  });
  try {
    await logIn(other, { identifier: user.email, password: 'wrong' });
    expect(await storedHash(user)).toBe(before);
    expect((await logIn(other, { identifier: user.email })).__typename).toBe('LoginSuccess');
    const after = await storedHash(user);
    expect(after).toMatch(/^\$argon2id\$v=19\$m=16,t=2,p=1\$/);
    const hashes = other.hashes();
    expect((await logIn(other, { identifier: user.email })).__typename).toBe('LoginSuccess');
    expect(await storedHash(user)).toBe(after);
    expect(other.hashes() - hashes).toBe(1);
  } finally {
    await other.close();
  }
});

it.each(['$2a$', '$2b$', '$2y$'])('takes a %s bcrypt hash once and replaces it', async (prefix) => {
  const user = await registerUser(app);
  await plantHash(user, bcryptHashSync('a legacy password', 4).replace('$2b$', prefix));
  const right = { identifier: user.email, password: 'a legacy password' };
  expect((await logIn(app, { ...right, password: PASSWORD })).code).toBe('INVALID_CREDENTIALS');
  expect((await logIn(app, right)).__typename).toBe('LoginSuccess');
  expect(await storedHash(user)).toMatch(/^\$argon2id\$/);
  expect((await logIn(app, right)).__typename).toBe('LoginSuccess');
});

it.each([
  ['eight GiB of memory', (hash: string) => hash.replace('m=8,', 'm=8388608,')],
  ['a million passes', (hash: string) => hash.replace('t=1,', 't=1000000,')],
  ['a thousand lanes', (hash: string) => hash.replace('p=1$', 'p=1000$')],
  ['2^31 bcrypt rounds', () => bcryptHashSync(PASSWORD, 4).replace('$04$', '$31$')],
  ['no form at all', () => 'S3CRET'],
  ['an empty text', () => ''],
])('computes nothing for a planted hash that asks for %s', async (_what, plant) => {
  const user = await registerUser(app);
  await plantHash(user, plant(await storedHash(user)));
  const [started, hashes] = [performance.now(), app.hashes()];
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  expect(performance.now() - started).toBeLessThan(3000);
  expect(app.hashes() - hashes).toBe(1);
});

it('says at once that it is busy when the line of hashes is full, and counts no attempt', async () => {
  const busy = await createTestApp({
    databaseUrl: app.databaseUrl,
    clock: app.clock,
    env: { HASH_CONCURRENCY: '1', HASH_QUEUE: '1', LOGIN_ATTEMPT_LIMIT: '1' },
  });
  try {
    const users = await Promise.all(Array.from({ length: 12 }, () => registerUser(app)));
    const answers = await Promise.all(users.map((user) => logIn(busy, { identifier: user.email })));
    const refused = answers.filter((answer) => answer.errors !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter((answer) => answer.__typename === 'LoginSuccess').length).toBeGreaterThan(
      0,
    );
    for (const { errors } of refused) {
      expect(errors[0].extensions).toEqual({ code: 'OVERLOADED', retryAfter: expect.any(Number) });
    }
    const [row] = await runSql<{ n: number }>(
      app.databaseUrl,
      'select count(*) as n from attempt_counters where pending > 0',
    );
    expect(row?.n).toBe(0);
  } finally {
    await busy.close();
  }
});

it('leaves no attempt pending after all of this', async () => {
  const rows = await runSql(app.databaseUrl, 'select * from attempt_counters where pending <> 0');
  expect(rows).toEqual([]);
});
