import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { isSignedIn, logIn, newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { serviceUrl } from '../support/service-user.ts';

let first: OwnServer;
let second: OwnServer;
beforeAll(async () => {
  first = await startOwnServer();
  second = await startOwnServer();
});
afterAll(async () => {
  await first.stop();
  await second.stop();
});

const readOnly = (server: OwnServer, on: 0 | 1) =>
  runSql(server.url.replace('/latchkey?', '/mysql?'), `set global read_only = ${on}`);

/** The service's connections to a server, but for those that only watch it, which name no database. */
const connectionsAt = async (server: OwnServer) =>
  (
    await runSql<{ id: number }>(
      server.url,
      "select id from information_schema.processlist where user like 'service%' and db is not null",
    )
  ).map(({ id }) => id);

/** Has the pool open all the connections that it may, and use each. */
const useAll = ({ app }: TestApp) =>
  Promise.all(Array.from({ length: 10 }, () => app.deps.db.execute(sql`select sleep(0.2)`)));

const register = (app: TestApp, email: string) =>
  app.gql(
    `mutation ($email: String!, $password: String!) {
      register(input: { email: $email, password: $password }) { __typename }
    }`,
    { email, password: PASSWORD },
  );

const hasUser = async (server: OwnServer, email: string) =>
  (await runSql(server.url, 'select id from users where email = ?', [email])).length === 1;

it('tells that a server takes no writes, leaves its connections, and recovers when it does', async () => {
  const app = await createTestApp({ databaseUrl: first.url });
  try {
    const user = await registerUser(app);
    await useAll(app);
    // what was opened a moment ago may lead to another server already
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const before = await connectionsAt(first);
    expect(before).toHaveLength(10);
    await readOnly(first, 1);
    const email = `${newName()}@example.com`;
    const refused = await register(app, email);
    expect(refused.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfter: 2 } }]);
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    await useAll(app);
    await vi.waitFor(async () => {
      const left = await connectionsAt(first);
      expect(left.filter((id) => before.includes(id))).toEqual([]);
    });
    await readOnly(first, 0);
    expect((await register(app, email)).data.register.__typename).toBe('RegisterSuccess');
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  } finally {
    await readOnly(first, 0);
    await app.close();
  }
});

/** One service with a list of two hosts. That these are no cluster lets a test see which of them it writes to. */
async function appOnBoth(): Promise<TestApp> {
  await serviceUrl(second.url);
  const one = new URL(await serviceUrl(first.url));
  const place = `${one.username}:${one.password}@127.0.0.1:${first.proxy.port},127.0.0.1:${second.proxy.port}`;
  return createTestApp({
    databaseUrl: first.url,
    env: { DATABASE_URL: `mysql://${place}${one.pathname}`, DATABASE_TIMEOUT: '2' },
  });
}

/** Somebody who tries until they are registered. @returns the address, and what it took */
async function untilRegistered(app: TestApp): Promise<{ email: string; ms: number }> {
  const startedAt = performance.now();
  for (;;) {
    const email = `${newName()}@example.com`;
    const { data, errors } = await register(app, email);
    const ms = performance.now() - startedAt;
    if (data?.register?.__typename === 'RegisterSuccess') return { email, ms };
    expect(errors?.[0]?.extensions.code).toMatch(/^(UNAVAILABLE|OVERLOADED|OUTCOME_UNKNOWN)$/);
    if (ms > 20_000) throw new Error('The service has not resumed.');
  }
}

it('goes to the host that takes writes, whichever fails and however, and comes back', async () => {
  await readOnly(second, 1);
  const app = await appOnBoth();
  const writesTo = async (server: OwnServer) => {
    const { email, ms } = await untilRegistered(app);
    expect(await hasUser(server, email)).toBe(true);
    return ms;
  };
  try {
    await writesTo(first);
    await useAll(app);
    expect(await connectionsAt(first)).toHaveLength(10);
    // a primary that is changed on purpose
    await readOnly(first, 1);
    await readOnly(second, 0);
    // nothing is read there any more, also when nobody has tried to write
    const isLeft = async () => {
      await useAll(app);
      expect(await connectionsAt(first)).toEqual([]);
    };
    await vi.waitFor(isLeft, { timeout: 10_000 });
    expect(await writesTo(second)).toBeLessThan(10_000);
    // one that dies
    await readOnly(first, 0);
    second.proxy.cut();
    expect(await writesTo(first)).toBeLessThan(10_000);
    second.proxy.restore();
    // one that falls silent, and so does not even refuse
    first.proxy.blackHole();
    expect(await writesTo(second)).toBeLessThan(15_000);
    // none at all, and then one again
    second.proxy.cut();
    const away = await register(app, `${newName()}@example.com`);
    expect(away.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 2 });
    second.proxy.restore();
    expect(await writesTo(second)).toBeLessThan(10_000);
  } finally {
    for (const server of [first, second]) {
      server.proxy.restore();
      await readOnly(server, 0);
    }
    await app.close();
  }
});
