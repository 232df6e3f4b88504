import { hashSync as bcryptHashSync } from 'bcrypt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { idBytes, logIn, PASSWORD, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { createHeldApp } from '../support/held-app.ts';
import { processorWatch } from '../support/processor-time.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

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

it('lets everybody in who signs in at the moment when the hash is brought up', async () => {
  const user = await registerUser(app);
  await plantHash(user, bcryptHashSync('a legacy password', 4));
  const right = { identifier: user.email, password: 'a legacy password' };
  const answers = await Promise.all(Array.from({ length: 8 }, () => logIn(app, right)));
  expect(answers.map((answer) => answer.code)).toEqual(answers.map(() => undefined));
});

it('takes the right password of who is signed in for right at that moment too, and brings the hash up itself', async () => {
  const { app: other, whileVerifying } = await createHeldApp({
    databaseUrl: app.databaseUrl,
    clock: app.clock,
    env: { ARGON2_PASSES: '2' },
  });
  const enable = async ({ accessToken: token }: TestUser) => {
    const query = `mutation { enableTotp(input: { currentPassword: "${PASSWORD}" }) { __typename } }`;
    return (await other.gql(query, {}, { token })).data.enableTotp.__typename;
  };
  try {
    const [user, alone] = [await registerUser(app), await registerUser(app)];
    whileVerifying(() => logIn(other, { identifier: user.email }));
    expect(await enable(user)).toBe('EnableTotpSuccess');
    expect(await enable(alone)).toBe('EnableTotpSuccess');
    expect(await storedHash(alone)).toContain(',t=2,');
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
  const [busyMs, hashes] = [processorWatch(), app.hashes()];
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  expect(busyMs()).toBeLessThan(3000);
  expect(app.hashes() - hashes).toBe(1);
});
