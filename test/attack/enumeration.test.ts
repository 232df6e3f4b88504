import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrolTotp, idBytes, newName, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { statementsOf } from './support/statements.ts';
import { timesApart } from './support/timing.ts';

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { __typename ... on Error { code message } ... on AccountLocked { retryAfter } }
}`;
const ROUNDS = 30;

/** What a stranger could tell apart, and the identifier that each is tried by. */
type Kinds = Record<string, string>;

let app: TestApp;
let kinds: Kinds;
beforeAll(async () => {
  // as much of argon2 as it takes to outweigh everything else, as in production
  app = await createTestApp({ env: { ARGON2_MEMORY: '4096', LOGIN_ATTEMPT_LIMIT: '1000' } });
  kinds = await makeKinds(app);
}, 60_000);
afterAll(() => app.close());

async function makeKinds(of: TestApp): Promise<Kinds> {
  const [plain, disabled, totp, admin, invited, deleted] = await Promise.all(
    Array.from({ length: 6 }, () => registerUser(of)),
  );
  const users = { plain, disabled, totp, admin, invited, deleted } as Record<string, TestUser>;
  const sql = async (statement: string, user: TestUser | undefined) => {
    await runSql(of.databaseUrl, `${statement} where id = ?`, [idBytes(user?.id ?? '')]);
  };
  if (totp !== undefined) await enrolTotp(of, totp);
  await sql("update users set status = 'DISABLED'", disabled);
  await sql("update users set role = 'ADMIN'", admin);
  await sql('update users set password_hash = null', invited);
  await sql('delete from users', deleted);
  const emails = Object.entries(users).map(([name, { email }]) => [name, email]);
  return {
    ...Object.fromEntries(emails),
    username: plain?.username ?? '',
    unknown: `${newName()}@example.com`,
    'unknown username': newName(),
    'no e-mail address': '@',
    empty: '',
    long: `${'x'.repeat(400)}@example.com`,
  };
}

const attempt = (identifier: string, extra: object = {}) => ({
  query: LOGIN,
  variables: { input: { identifier, password: 'not the right words', ...extra } },
});

/** All that a client sees of an answer. */
async function seen(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
  return JSON.stringify([response.status, headers, await response.text()]);
}

const distinct = (values: Iterable<string>) => [...new Set(values)];

describe('E1: a sign-in that fails', () => {
  it('is answered alike, to the byte, whoever is meant', async () => {
    for (const extra of [
      {},
      { remember: true, cookies: true },
      { code: '000000' },
      { deviceToken: 'x' },
    ]) {
      const answers: Record<string, string> = {};
      for (const [kind, identifier] of Object.entries(kinds)) {
        answers[kind] = await seen(await app.post(attempt(identifier, extra)));
      }
      expect(distinct(Object.values(answers)), JSON.stringify(answers, null, 1)).toHaveLength(1);
      expect(Object.values(answers)[0]).toContain('INVALID_CREDENTIALS');
    }
  });

  it('costs the same number of hashes and the same SQL, whoever is meant', async () => {
    const costs: Record<string, string> = {};
    for (const [kind, identifier] of Object.entries(kinds)) {
      await app.post(attempt(identifier));
      const before = app.hashes();
      const ran = await statementsOf(app, () => app.post(attempt(identifier)));
      // by e-mail address or by username: the identifier itself says which
      const statements = ran.map((sql) =>
        sql.replace(/where `users`\.`(?:email|username)_key`/, 'where the key'),
      );
      costs[kind] = JSON.stringify([app.hashes() - before, statements]);
    }
    expect(distinct(Object.values(costs))).toHaveLength(1);
    const [hashes, statements] = JSON.parse(costs.unknown ?? '[]');
    expect(hashes).toBe(1);
    expect(statements.length).toBeGreaterThan(3);
  });

  it('takes the same time, whoever is meant', async () => {
    const { plain = '', disabled = '', totp = '', unknown = '' } = kinds;
    const names = [plain, disabled, totp, unknown, `${newName()}@example.com`];
    const attempts = names.map((name) => () => app.post(attempt(name)));
    expect(await timesApart(attempts, ROUNDS)).toBeNull();
  }, 120_000);
});

describe('with the lock of production', () => {
  let locking: TestApp;
  beforeAll(async () => {
    locking = await createTestApp();
  });
  afterAll(() => locking.close());

  it('E1: every attempt up to and beyond the lock is answered alike, whoever is meant', async () => {
    const course: Record<string, string> = {};
    for (const [kind, identifier] of Object.entries(await makeKinds(locking))) {
      const answers: string[] = [];
      for (let i = 0; i < 7; i++) {
        const before = locking.hashes();
        const answer = await seen(await locking.post(attempt(identifier)));
        answers.push(`${locking.hashes() - before} hashes ${answer}`);
      }
      course[kind] = answers.join('\n');
    }
    expect(distinct(Object.values(course)), JSON.stringify(course, null, 1)).toHaveLength(1);
    expect(course.unknown).toMatch(/ACCOUNT_LOCKED/);
  });

  it('E1: what an account is like is told to whoever has its password, and to nobody else', async () => {
    const user = await registerUser(locking);
    await runSql(locking.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
      idBytes(user.id),
    ]);
    const wrong = await (await locking.post(attempt(user.email))).text();
    const right = await locking.post(attempt(user.email, { password: user.password }));
    expect(wrong).toContain('INVALID_CREDENTIALS');
    expect(await right.text()).toContain('ACCOUNT_DISABLED');
  });

  it('E1: an identifier that is locked does not tell that another name belongs to the same account', async () => {
    const user = await registerUser(locking);
    for (let i = 0; i < 6; i++) await locking.post(attempt(user.email));
    const byName = await seen(await locking.post(attempt(user.username)));
    expect(byName).toBe(await seen(await locking.post(attempt(newName()))));
  });
});

describe('a signed-in user', () => {
  it('E4: learns nothing about an e-mail address without the password of their own', async () => {
    const [me, somebody] = [await registerUser(app), await registerUser(app)];
    const query = `mutation ($input: UpdateProfileInput!) {
      updateProfile(input: $input) { __typename ... on Error { code message } }
    }`;
    const answers: string[] = [];
    for (const newEmail of [somebody.email, `${newName()}@example.com`]) {
      const variables = { input: { newEmail, currentPassword: 'not mine' } };
      answers.push(await seen(await app.post({ query, variables }, { token: me.accessToken })));
    }
    expect(distinct(answers)).toHaveLength(1);
    expect(answers[0]).toContain('INVALID_CREDENTIALS');
  });

  it('finds nobody by an e-mail address', async () => {
    const [me, somebody] = [await registerUser(app), await registerUser(app)];
    const ask = async (username: string) => {
      const body = {
        query: 'query ($username: String!) { profile(username: $username) { username } }',
        variables: { username },
      };
      return seen(await app.post(body, { token: me.accessToken }));
    };
    expect(await ask(somebody.email)).toBe(await ask(`${newName()}@example.com`));
    expect(await ask(somebody.email.replace('@', '＠'))).toBe(await ask(newName()));
  });
});

it('E1: a challenge that never was, was used or belongs to somebody deleted is answered alike', async () => {
  const query = `mutation ($input: CompleteLoginInput!) {
    completeLogin(input: $input) { __typename ... on Error { code message } }
  }`;
  const answers: string[] = [];
  for (const challenge of ['', 'x', 'A'.repeat(43), `${'B'.repeat(42)}\0`, 'x'.repeat(10_000)]) {
    const variables = { input: { challenge, code: '000000' } };
    answers.push(await seen(await app.post({ query, variables })));
  }
  expect(distinct(answers)).toHaveLength(1);
  expect(answers[0]).toContain('INVALID_CHALLENGE');
});
