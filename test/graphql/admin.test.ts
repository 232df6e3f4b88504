import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  idBytes,
  logIn,
  newName,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const USERS = `query ($first: Int, $after: String, $search: String, $role: Role, $status: UserStatus) {
  admin {
    users(first: $first, after: $after, search: $search, role: $role, status: $status) {
      edges { node { id email username displayName phrase createdAt } cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      totalCount
    }
  }
}`;
const EVENTS = `query ($first: Int, $after: String, $userId: ID, $type: AuditEventType) {
  admin {
    auditEvents(first: $first, after: $after, userId: $userId, type: $type) {
      edges { node { id type userId actorId at } cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}`;

let app: TestApp;
let admin: TestUser;
let token: string;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
  admin = await registerAdmin(app);
  token = admin.accessToken;
});
afterAll(() => app.close());

async function users(variables: object = {}) {
  const { data, errors } = await app.gql(USERS, { ...variables }, { token });
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data.admin.users;
}

async function events(variables: object = {}) {
  const { data, errors } = await app.gql(EVENTS, { ...variables }, { token });
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data.admin.auditEvents;
}

type Page = {
  edges: { node: Record<string, string>; cursor: string }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string;
    endCursor: string;
  };
};

/** All pages from the first to the last. */
async function allPages(read: (page: object) => Promise<Page>, first?: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let after: string | null = null; ; after = pages.at(-1)?.pageInfo.endCursor ?? null) {
    const page = await read({ first, after });
    pages.push(page);
    if (!page.pageInfo.hasNextPage) return pages;
    if (pages.length > 300) throw new Error('The pages never end.');
  }
}

const namesIn = (page: Page) => page.edges.map(({ node }) => node.email ?? node.id);

/** So many accounts, made in a few milliseconds, whose ids are older than any of the service's. */
async function populate(count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => {
    const id = v7({ msecs: Date.UTC(2020, 0) + Math.floor(i / 7) });
    return [idBytes(id), `${newName('many')}@example.com`] as const;
  });
  const row = "(?, ?, ?, 'USER', 'ACTIVE', '{}', utc_timestamp(3), utc_timestamp(3))";
  await runSql(
    app.databaseUrl,
    `insert into users (id, email, email_key, role, status, app_metadata, created_at, updated_at)
     values ${rows.map(() => row).join(',')}`,
    rows.flatMap(([id, email]) => [id, email, email]),
  );
}

it('goes through 250 users page by page, each once, the newest first', async () => {
  const fresh = await registerUser(app);
  await populate(250);
  const pages = await allPages(users, 30);
  expect(pages.map((page) => page.edges.length)).toEqual([...Array(8).fill(30), 12]);
  expect(pages.map((page) => page.pageInfo.hasPreviousPage)).toEqual([
    false,
    ...Array(8).fill(true),
  ]);
  const seen = pages.flatMap(namesIn);
  expect(new Set(seen).size).toBe(252);
  const ids = pages.flatMap((page) => page.edges.map(({ node }) => node.id ?? ''));
  expect(ids).toEqual(ids.toSorted().reverse());
  expect(seen.slice(0, 2).sort()).toEqual([admin.email, fresh.email].sort());
  for (const page of pages) {
    expect(page.pageInfo.startCursor).toBe(page.edges[0]?.cursor);
    expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor);
  }
  expect((await users({ first: 100 })).edges).toHaveLength(100);
});

it('shows nobody twice and leaves nobody out when accounts come in between', async () => {
  const first = await users({ first: 100 });
  await registerUser(app);
  const after = await users({ first: 100, after: first.pageInfo.endCursor });
  const whole = [...namesIn(first), ...namesIn(after)];
  expect(new Set(whole).size).toBe(200);
});

it('gives twenty at a time unless told, and one hundred at the most', async () => {
  expect((await users()).edges).toHaveLength(20);
  expect((await users({ first: null, after: null })).edges).toHaveLength(20);
  expect((await users({ first: 1 })).edges).toHaveLength(1);
  expect((await events()).edges.length).toBeLessThanOrEqual(20);
});

it('counts what it finds, whatever page is asked for', async () => {
  const all = await users({ first: 1 });
  const last = (await allPages(users, 100)).at(-1);
  expect(last).toMatchObject({ totalCount: all.totalCount });
  expect(all.totalCount).toBeGreaterThanOrEqual(253);
  expect((await users({ role: 'ADMIN' })).totalCount).toBe(1);
  expect((await users({ search: 'nobody at all' })).totalCount).toBe(0);
});

it('filters by role and status', async () => {
  const user = await registerUser(app);
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(user.id),
  ]);
  expect(namesIn(await users({ role: 'ADMIN' }))).toEqual([admin.email]);
  expect(namesIn(await users({ status: 'DISABLED' }))).toEqual([user.email]);
  expect(namesIn(await users({ status: 'DISABLED', role: 'ADMIN' }))).toEqual([]);
  expect(namesIn(await users({ status: null, role: null, search: user.username }))).toEqual([
    user.email,
  ]);
});

it('searches e-mail addresses, usernames and display names, in any spelling', async () => {
  const name = `Élodie${newName('X')}`;
  const user = await registerUser(app, {
    username: name,
    email: `${newName('mail')}@Search.example.com`,
    displayName: `Zoë von ${name}`,
  });
  const spellings = [
    name,
    name.toLowerCase(),
    name.normalize('NFD'),
    name.slice(2, -2),
    ` ${name} `,
    user.email.toUpperCase(),
    user.email.slice(0, 12),
    `Zoë von ${name}`,
  ];
  for (const search of spellings)
    expect(namesIn(await users({ search })), search).toEqual([user.email]);
  const page = await users({ search: name });
  expect(page).toMatchObject({ totalCount: 1, pageInfo: { hasNextPage: false } });
});

it.each([
  ['%', '100% sure'],
  ['_', 'snake_case'],
  ['\\', 'back\\slash'],
  ['\\%', 'both \\% of them'],
  ["'", "o'hara"],
  ['"', 'quoted "name"'],
  ['％', 'full-width 50％'],
  ['😀', 'smiling 😀'],
])('takes %s in a search for itself', async (search, displayName) => {
  const [user, other] = [
    await registerUser(app, { displayName }),
    await registerUser(app, { displayName: 'plain' }),
  ];
  const found = namesIn(await users({ search, first: 100 }));
  expect(found).toContain(user.email);
  expect(found).not.toContain(other.email);
  expect(found.length).toBeLessThan(20);
});

it.each([
  ["' or 1=1 --", 0],
  ["%' or '1'='1", 0],
  ['\0', 0],
  ['\uD800', 0],
  ['x'.repeat(50_000), 0],
])('finds nothing by what nobody is called (%#)', async (search, count) => {
  expect((await users({ search })).edges).toHaveLength(count);
});

it.each(['', null])('finds everybody without a search (%j)', async (search) => {
  expect((await users({ search })).totalCount).toBe((await users()).totalCount);
});

it('finds one user by id, and nobody by what is none', async () => {
  const user = await registerUser(app, { phrase: 'for its owner only' });
  const one = async (id: unknown) => {
    const query =
      'query ($id: ID!) { admin { user(id: $id) { id email phrase sessions { current } } } }';
    return (await app.gql(query, { id }, { token })).data.admin.user;
  };
  const expected = { id: user.id, email: user.email, phrase: null, sessions: [{ current: false }] };
  expect(await one(user.id)).toEqual(expected);
  expect(await one(user.id.toUpperCase())).toEqual(expected);
  const nobody = ['', 'x', 1, '\0', '\uD800', "' or 1=1", '01890000-0000-7000-8000-000000000000'];
  for (const id of nobody) expect(await one(id)).toBeNull();
});

it('shows everything on record, the newest first, by user and by type', async () => {
  const user = await registerUser(app);
  app.clock.advance(1);
  await logIn(app, { identifier: user.email });
  app.clock.advance(1);
  await logIn(app, { identifier: user.email, password: 'wrong' });
  const typesOf = (page: Page) => page.edges.map(({ node }) => node.type);
  expect(typesOf(await events({ userId: user.id }))).toEqual([
    'LOGIN_FAILED',
    'LOGIN_SUCCEEDED',
    'REGISTERED',
  ]);
  expect(typesOf(await events({ userId: user.id, type: 'REGISTERED' }))).toEqual(['REGISTERED']);
  expect(typesOf(await events({ userId: user.id, type: 'TOTP_ENABLED' }))).toEqual([]);
  const failed = await events({ type: 'LOGIN_FAILED', first: 1 });
  expect(failed.edges).toMatchObject([{ node: { type: 'LOGIN_FAILED', userId: user.id } }]);
  for (const userId of [
    '',
    'x',
    '\0',
    '\uD800',
    "' or 1=1",
    '01890000-0000-7000-8000-000000000000',
  ]) {
    expect(typesOf(await events({ userId }))).toEqual([]);
  }
});

it('goes through all events, each once', async () => {
  const pages = await allPages(events, 7);
  const ids = pages.flatMap((page) => page.edges.map(({ node }) => node.id ?? ''));
  const [row] = await runSql<{ n: number }>(
    app.databaseUrl,
    'select count(*) as n from audit_events',
  );
  expect(new Set(ids).size).toBe(row?.n);
  expect(ids).toEqual(ids.toSorted().reverse());
});

it('shows users their own events only', async () => {
  const user = await registerUser(app);
  await logIn(app, { identifier: user.email });
  const query =
    '{ me { auditEvents(first: 100) { edges { node { userId type } } pageInfo { hasNextPage } } } }';
  const { data } = await app.gql(query, {}, { token: user.accessToken });
  const { edges, pageInfo } = data.me.auditEvents;
  expect(edges).toHaveLength(2);
  expect(new Set(edges.map((edge: Page['edges'][0]) => edge.node.userId))).toEqual(
    new Set([user.id]),
  );
  expect(pageInfo.hasNextPage).toBe(false);
});

it('shows what happened in a time', async () => {
  const user = await registerUser(app);
  const times = [app.clock.now()];
  for (const password of ['wrong', 'wrong again']) {
    app.clock.advance(60);
    times.push(app.clock.now());
    await logIn(app, { identifier: user.email, password });
  }
  const [start, middle, end] = times.map((time) => time.toISOString());
  const query = `query ($userId: ID, $type: AuditEventType, $since: DateTime, $until: DateTime) {
    admin { auditEvents(userId: $userId, type: $type, since: $since, until: $until) { edges { node { at } } } }
  }`;
  const timesOf = async (variables: object) => {
    const { data } = await app.gql(query, { userId: user.id, ...variables }, { token });
    return data.admin.auditEvents.edges.map((edge: { node: { at: string } }) => edge.node.at);
  };
  expect(await timesOf({ since: middle })).toEqual([end, middle]);
  expect(await timesOf({ since: start, until: end })).toEqual([middle, start]);
  expect(await timesOf({ until: start })).toEqual([]);
  expect(await timesOf({ type: 'LOGIN_FAILED', since: end })).toEqual([end]);
  expect(await timesOf({ since: '1960-01-01T00:00:00Z', until: '9999-01-01T00:00:00Z' })).toEqual([
    end,
    middle,
    start,
  ]);
});

it('takes no day that there is not for the time of an event', async () => {
  const query = '{ admin { auditEvents(since: "2026-02-30T00:00:00Z") { edges { cursor } } } }';
  const { errors } = await app.gql(query, {}, { token });
  expect(errors).toMatchObject([{ message: expect.stringContaining('ISO 8601') }]);
});

it('tells administrators where everything came from, and people only what was their own', async () => {
  const user = await registerUser(app);
  await app.gql(
    `mutation { revokeUserSessions(id: "${user.id}") { __typename } }`,
    {},
    { token, headers: { 'user-agent': 'a browser' } },
  );
  const { tokens } = await logIn(app, { identifier: user.email });
  const fields = 'edges { node { type actorId sessionId requestId ipAddress userAgent } }';
  const own = await app.gql(
    `{ me { list: auditEvents { ${fields} } } }`,
    {},
    { token: tokens.accessToken },
  );
  const all = await app.gql(
    `{ admin { list: auditEvents(userId: "${user.id}") { ${fields} } } }`,
    {},
    { token },
  );
  const act = (list: { edges: { node: { type: string } }[] }) =>
    list.edges.find(({ node }) => node.type === 'USER_SESSIONS_REVOKED')?.node;
  const nowhere = { sessionId: null, ipAddress: null, userAgent: null };
  expect(act(own.data.me.list)).toMatchObject({ actorId: admin.id, ...nowhere });
  expect(act(all.data.admin.list)).toMatchObject({
    actorId: admin.id,
    sessionId: expect.any(String),
    ipAddress: '127.0.0.1',
  });
  const ownAct = own.data.me.list.edges.find(
    (edge: { node: { type: string } }) => edge.node.type === 'LOGIN_SUCCEEDED',
  );
  expect(ownAct.node.ipAddress).toBe('127.0.0.1');
});
