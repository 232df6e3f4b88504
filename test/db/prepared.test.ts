import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  logIn,
  nextTotpCode,
  refresh,
  registerAdmin,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

// One connection: then its own counters, which no other test touches, tell all that the service does. And a flow that
// asked for another one inside its transaction, for its audit row say, would wait for itself.
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { DATABASE_CONNECTIONS: '1', RATE_LIMIT: 'on' } });
});
afterAll(() => app.close());

type Counters = Record<string, number>;

/** The server's counters for the service's connection. */
async function counters(of: TestApp): Promise<Counters> {
  const [rows] = await of.app.deps.db.execute(
    sql`show session status where variable_name in
      ('Questions', 'Com_stmt_prepare', 'Com_stmt_execute', 'Com_stmt_close', 'Com_select', 'Com_begin', 'Com_commit', 'Com_rollback')`,
  );
  const list = rows as unknown as { Variable_name: string; Value: string }[];
  return Object.fromEntries(list.map(({ Variable_name, Value }) => [Variable_name, Number(Value)]));
}

/** What `work` adds to the counters. Reading them is itself one prepared statement. */
async function costOf(work: () => Promise<unknown>, of = app): Promise<Counters> {
  const before = await counters(of);
  await work();
  const after = await counters(of);
  const cost = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
  return {
    ...cost,
    Questions: (cost.Questions ?? 0) - 1,
    Com_stmt_execute: (cost.Com_stmt_execute ?? 0) - 1,
  };
}

it('reads session and user of a signed-in request in one round trip', async () => {
  const user = await registerUser(app);
  const query = '{ me { id email username displayName role status totpEnabled createdAt } }';
  const ask = () => app.gql(query, {}, { token: user.accessToken });
  // the first prepares the statement
  await ask();
  const cost = await costOf(async () => expect((await ask()).data.me.id).toBe(user.id));
  expect(cost).toMatchObject({
    Questions: 1,
    Com_stmt_execute: 1,
    Com_select: 1,
    Com_stmt_prepare: 0,
  });
});

it('reads sessions and users of requests that arrive together in few round trips', async () => {
  const users = await Promise.all(Array.from({ length: 16 }, () => registerUser(app)));
  const askAll = () =>
    Promise.all(
      users.map(async ({ id, accessToken }) => {
        const { data } = await app.gql('{ me { id } }', {}, { token: accessToken });
        expect(data.me.id).toBe(id);
      }),
    );
  await askAll();
  const cost = await costOf(askAll);
  expect(cost.Com_stmt_execute).toBeLessThanOrEqual(users.length / 2);
  expect(cost.Com_select).toBe(cost.Com_stmt_execute);
});

it('rotates the refresh tokens that arrive together in few round trips', async () => {
  // on one connection the hits of a limit would come one after the other, and part them
  const unlimited = await createTestApp({ env: { DATABASE_CONNECTIONS: '1' } });
  try {
    const users = await Promise.all(Array.from({ length: 16 }, () => registerUser(unlimited)));
    const refreshAll = () =>
      Promise.all(
        users.map(async (user) => {
          const { tokens } = await refresh(unlimited, user.refreshToken);
          user.refreshToken = tokens.refreshToken;
        }),
      );
    await refreshAll();
    const cost = await costOf(refreshAll, unlimited);
    // some to read and some to write, each for several of them
    expect(cost.Com_stmt_execute).toBeLessThanOrEqual(4);
  } finally {
    await unlimited.close();
  }
});

it('asks nothing of the database for a request that needs nothing of it', async () => {
  const cost = await costOf(async () => {
    expect(await app.gql('{ me { id } }')).toEqual({ data: { me: null } });
    expect((await app.gql('{ me { id } }', {}, { token: 'a.b.c' })).errors).toHaveLength(1);
    expect((await app.gql('{ nothing }')).errors).toHaveLength(1);
  });
  expect(cost).toMatchObject({ Questions: 0, Com_stmt_execute: 0 });
});

it('has the server prepare everything that it is asked, but for the bounds of transactions', async () => {
  const admin = await registerAdmin(app);
  const cost = await costOf(async () => {
    const user = await registerUser(app);
    await logIn(app, { identifier: user.email, password: 'wrong' });
    await refresh(app, user.refreshToken);
    const { secret } = await enrolTotp(app, user);
    const { challenge } = await logIn(app, { identifier: user.username });
    await completeLogin(app, challenge, nextTotpCode(app, secret));
    const token = admin.accessToken;
    await app.gql(
      '{ me { sessions { id } auditEvents { edges { cursor } } dataExport } profile(username: "ada") { username } }',
      {},
      { token },
    );
    await app.gql(
      '{ admin { users(search: "a%", first: 3) { totalCount edges { cursor } } dashboard { users lockedAccounts } } }',
      {},
      { token },
    );
    await app.gql(
      'mutation ($id: ID!) { deleteUser(id: $id) { __typename } }',
      { id: user.id },
      { token },
    );
  });
  const { Questions = 0, Com_begin = 0, Com_commit = 0, Com_rollback = 0 } = cost;
  expect(cost.Com_stmt_execute).toBeGreaterThan(50);
  expect(Questions - Com_begin - Com_commit - Com_rollback).toBe(cost.Com_stmt_execute);
});

it('prepares a statement once for as long as the connection lives', async () => {
  const user = await registerUser(app);
  const again = () => logIn(app, { identifier: user.email });
  await again();
  const cost = await costOf(again);
  expect(cost.Com_stmt_prepare).toBe(0);
  expect(cost.Com_stmt_execute).toBeGreaterThan(3);
});

it('keeps a bounded number of statements on the server', async () => {
  const cost = await costOf(async () => {
    for (let i = 0; i < 300; i++) {
      await app.app.deps.db.execute(sql.raw(`select ${i} as n`));
    }
  });
  expect(cost.Com_stmt_prepare).toBeGreaterThanOrEqual(300);
  expect((cost.Com_stmt_prepare ?? 0) - (cost.Com_stmt_close ?? 0)).toBeLessThanOrEqual(200);
});
