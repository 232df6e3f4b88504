import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import {
  auditTypes,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const databaseUrl = newDatabaseUrl();
let proxy: TcpProxy & { databaseUrl: string };
let app: TestApp;
let user: TestUser;
beforeAll(async () => {
  proxy = await startTcpProxy(databaseUrl);
  app = await createTestApp({
    databaseUrl: proxy.databaseUrl,
    env: { DATABASE_TIMEOUT: '1', DATABASE_CONNECTIONS: '4', RATE_LIMIT: 'on' },
  });
});
beforeEach(async () => {
  user = await registerUser(app);
});
afterAll(async () => {
  proxy.restore();
  await app.close();
  await proxy.close();
  await dropDatabase(databaseUrl);
});

const ACTS = {
  login:
    'mutation ($name: String!, $password: String!) { login(input: { identifier: $name, password: $password }) { __typename } }',
  register:
    'mutation ($email: String!, $password: String!) { register(input: { email: $email, password: $password }) { __typename } }',
  me: '{ me { id } }',
  update: 'mutation { updateProfile(input: { displayName: "Ada" }) { __typename } }',
};

/** Everything at once, as it would be in an outage; none of it may take longer than five seconds. */
async function askEverything() {
  const email = `${newName()}@example.com`;
  const started = performance.now();
  const answers = await Promise.all(
    Object.entries(ACTS).map(async ([name, query]) => {
      const token = name === 'me' || name === 'update' ? { token: user.accessToken } : {};
      const variables = { name: user.email, email, password: PASSWORD };
      const used = Object.fromEntries(
        Object.entries(variables).filter(([key]) => query.includes(`$${key}`)),
      );
      const response = await app.post({ query, variables: used }, token);
      return { name, status: response.status, text: await response.text() };
    }),
  );
  return { answers, ms: performance.now() - started, email };
}

it.each([
  ['is cut off', () => proxy.cut()],
  ['falls silent', () => proxy.blackHole()],
])(
  'answers within five seconds, masked, while the database %s, and recovers by itself',
  async (_how, fail) => {
    fail();
    for (let round = 0; round < 2; round++) {
      const { answers, ms, email } = await askEverything();
      expect(ms).toBeLessThan(5000);
      for (const { name, text } of answers) {
        const { data, errors } = JSON.parse(text);
        expect(data?.[name] ?? null, name).toBeNull();
        expect(errors, name).toMatchObject([
          { extensions: { code: expect.stringMatching(/^(UNAVAILABLE|OVERLOADED)$/) } },
        ]);
        expect(text, name).not.toMatch(
          /ECONN|PROTOCOL|127\.0\.0\.1|mysql|select|timeout|latchkey_test|node_modules|\.ts/i,
        );
      }
      expect(answers.map(({ text }) => text).join()).not.toContain(email);
    }
    proxy.restore();
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
    expect((await refresh(app, user.refreshToken)).__typename).toBe('RefreshSuccess');
    await registerUser(app);
  },
);

it('counts no attempts that the outage prevented', async () => {
  proxy.cut();
  for (let i = 0; i < 6; i++) {
    const answer = await logIn(app, { identifier: user.email });
    expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfter: 2 } }]);
  }
  proxy.restore();
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
});

it('says that it is not ready, and that the process is well', async () => {
  const status = async (path: string) =>
    (await app.app.fetch(`http://localhost:4000${path}`)).status;
  proxy.cut();
  expect(await status('/ready')).toBe(503);
  expect(await status('/health')).toBe(200);
  proxy.restore();
  // the answer is kept for a moment
  await vi.waitUntil(async () => (await status('/ready')) === 200, { timeout: 5000 });
});

it('leaves nothing half-written when the database goes away in the middle', async () => {
  const emails = Array.from({ length: 24 }, () => `${newName()}@example.com`);
  // more than there are connections: the cut meets some before, some in and some after their transaction
  const registering = emails.map((email) => app.gql(ACTS.register, { email, password: PASSWORD }));
  await Promise.race(registering);
  proxy.cut();
  const answers = await Promise.all(registering);
  proxy.restore();
  for (const [i, email] of emails.entries()) {
    const [row] = await runSql<{ sessions: number; events: number }>(
      databaseUrl,
      `select (select count(*) from sessions where user_id = users.id) as sessions,
        (select count(*) from audit_events where user_id = users.id) as events
       from users where email = ?`,
      [email],
    );
    // all of it or nothing; and who was told that it is there finds it there
    if (row !== undefined) expect(row).toEqual({ sessions: 1, events: 1 });
    if (answers[i]?.data?.register?.__typename === 'RegisterSuccess') expect(row).toBeDefined();
  }
  expect(await auditTypes(app, user.id)).toEqual(['REGISTERED']);
});
