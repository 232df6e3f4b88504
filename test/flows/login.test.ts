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

it('keeps a device its own token when it signs in with it', async () => {
  const user = await registerUser(app);
  const { email: identifier, deviceToken } = user;
  const { tokens } = await logIn(app, { identifier, deviceToken });
  const device = (token: string) => token.split('.')[0];
  expect(device(tokens.deviceToken)).toBe(device(deviceToken));
});

it('tells that an account is disabled after the right password only', async () => {
  const user = await registerUser(app);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(user.id),
  ]);
  expect((await logIn(app, { identifier: user.email, password: 'wrong' })).code).toBe(
    'INVALID_CREDENTIALS',
  );
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
