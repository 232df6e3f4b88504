import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  idBytes,
  logIn,
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const PAYLOADS = [
  "' or '1'='1",
  "' or 1=1 -- ",
  '" or ""="',
  "'; drop table users; -- ",
  '\\',
  "\\' or 1=1 #",
  '`; select sleep(5); `',
  "' union select password_hash from users -- ",
  "' and sleep(5) and '1'='1",
  '%bf%27 or 1=1',
  '\u00bf\u0027 or 1=1 -- ',
  '$\u007b1+1}',
  '{{7*7}}',
  '?',
  ':id',
  '$1',
  '1; select 1',
  '/**/or/**/1=1',
];

const SEARCH = `query ($search: String, $first: Int) {
  admin { users(search: $search, first: $first) { totalCount edges { node { id email displayName } } } }
}`;

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp();
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

/** A checksum of every table that a sign-in in vain leaves alone. */
const fingerprint = () =>
  runSql(
    app.databaseUrl,
    'checksum table users, pending_registrations, sessions, recovery_codes, totp_enrolments, login_challenges, signing_keys',
  );

async function found(search: string): Promise<string[]> {
  const { data, errors } = await app.gql(
    SEARCH,
    { search, first: 100 },
    { token: admin.accessToken },
  );
  expect(errors, search).toBeUndefined();
  const { totalCount, edges } = data.admin.users;
  expect(edges).toHaveLength(Math.min(totalCount, 100));
  return edges.map(({ node }: { node: { id: string } }) => node.id);
}

describe('Q1: SQL in an argument is text', () => {
  it.each(PAYLOADS)('%j as what somebody signs in by', async (payload) => {
    const before = await fingerprint();
    for (const input of [
      { identifier: payload },
      { identifier: `${admin.email}${payload}` },
      { identifier: admin.email, password: payload },
      { identifier: admin.email, password: 'x', deviceToken: payload },
      { identifier: admin.email, password: 'x', code: payload },
    ]) {
      expect((await logIn(app, input)).code).toMatch(/INVALID_CREDENTIALS|ACCOUNT_LOCKED/);
      app.clock.advance(901);
    }
    expect(await fingerprint()).toEqual(before);
    app.clock.advance(-5 * 901);
  });

  it.each(PAYLOADS)('%j as an id, a cursor or a token', async (payload) => {
    const token = admin.accessToken;
    const variables = { p: payload };
    for (const [field, expected] of [
      ['query ($p: ID!) { r: admin { user(id: $p) { id } } }', { user: null }],
      [
        'query ($p: ID!) { r: admin { auditEvents(userId: $p) { edges { cursor } } } }',
        { auditEvents: { edges: [] } },
      ],
      [
        'mutation ($p: ID!) { r: revokeSession(id: $p) { __typename } }',
        { __typename: 'NotFound' },
      ],
      ['mutation ($p: ID!) { r: deleteUser(id: $p) { __typename } }', { __typename: 'NotFound' }],
      ['mutation ($p: ID!) { r: unlockUser(id: $p) { __typename } }', { __typename: 'NotFound' }],
      [
        'mutation ($p: ID!) { r: resetUserTotp(id: $p) { __typename } }',
        { __typename: 'NotFound' },
      ],
      [
        'mutation ($p: ID!) { r: revokeUserSessions(id: $p) { __typename } }',
        { __typename: 'NotFound' },
      ],
      [
        'mutation ($p: ID!) { r: updateUser(input: { id: $p, role: ADMIN }) { __typename } }',
        { __typename: 'NotFound' },
      ],
      [
        'mutation ($p: String!) { r: refresh(input: { refreshToken: $p }) { __typename } }',
        { __typename: 'InvalidRefreshToken' },
      ],
      [
        'mutation ($p: String!) { r: completeLogin(input: { challenge: $p, code: $p }) { __typename } }',
        { __typename: 'InvalidChallenge' },
      ],
      ['query ($p: String!) { r: profile(username: $p) { username } }', null],
    ] as const) {
      const { data, errors } = await app.gql(field, variables, { token });
      expect(errors, field).toBeUndefined();
      expect(data.r, field).toEqual(expected);
    }
    expect(await found(payload)).toEqual([]);
  });

  it('comes back from the names of an account as it went in', async () => {
    for (const payload of PAYLOADS) {
      const user = await registerUser(app, { displayName: `${payload} x`, phrase: `${payload} y` });
      const { data } = await app.gql(
        '{ me { displayName phrase } }',
        {},
        { token: user.accessToken },
      );
      expect(data.me).toEqual({ displayName: `${payload} x`, phrase: `${payload} y` });
    }
  });
});

it('Q1: %, _ and \\ are looked for as what they are', async () => {
  const mark = newName('mark');
  const names = ['100%', '1000', 'a_b', 'axb', 'c\\d', 'cd', '100\\%', 'e\\_f'];
  const ids: Record<string, string> = {};
  for (const name of names) {
    ids[name] = (await registerUser(app, { displayName: `${mark} ${name}` })).id;
  }
  const namesFound = async (search: string) => {
    const hits = new Set(await found(`${mark} ${search}`));
    return names.filter((name) => hits.has(ids[name] ?? ''));
  };
  expect(await namesFound('100%')).toEqual(['100%']);
  expect(await namesFound('a_b')).toEqual(['a_b']);
  expect(await namesFound('c\\d')).toEqual(['c\\d']);
  expect(await namesFound('100\\%')).toEqual(['100\\%']);
  expect(await namesFound('%')).toEqual([]);
  expect(await namesFound('')).toEqual(names);
  for (const search of ['%%%', '___', '%_%', '_'.repeat(250), '%'.repeat(5000)]) {
    expect(await found(search), search).toEqual([]);
  }
});

it('Q1: a text that no column holds is no reason to fail', async () => {
  for (const search of [
    'x'.repeat(90_000),
    'é'.repeat(254),
    '\ufdfa'.repeat(254),
    '\0',
    '\u{1f600}',
  ]) {
    expect(await found(search)).toEqual([]);
  }
});

describe('Q2: what is no scalar never reaches the database', () => {
  const OBJECTS: unknown[] = [
    { toString: 1 },
    { password: 1 },
    { $ne: null },
    { gt: '' },
    ['a', 'b'],
    [['a']],
    true,
    1,
    null,
  ];

  it.each(OBJECTS)('%j for a text', async (value) => {
    for (const input of [
      { identifier: value, password: PASSWORD },
      { identifier: admin.email, password: value },
    ]) {
      const query = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
      const hashes = app.hashes();
      const { data, errors } = await app.gql(query, { input });
      expect(data ?? null).toBeNull();
      expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
      expect(app.hashes()).toBe(hashes);
    }
  });

  it.each([[{ id: 1 }], [['x']], [1.5], [true], [null]])('%j for an id', async (id) => {
    const query = 'mutation ($id: ID!) { deleteUser(id: $id) { __typename } }';
    const { data, errors } = await app.gql(query, { id }, { token: admin.accessToken });
    expect(data ?? null).toBeNull();
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('a number for an id is text, and nobody has it', async () => {
    const query = 'mutation ($id: ID!) { deleteUser(id: $id) { __typename } }';
    for (const id of [0, 1, -1, '0', '']) {
      const { data } = await app.gql(query, { id }, { token: admin.accessToken });
      expect(data.deleteUser.__typename).toBe('NotFound');
    }
  });

  it('metadata keeps every form it was given, and is a value and no code', async () => {
    const user = await registerUser(app);
    const metadata = {
      "a'b": ["'; drop table users; --"],
      'c"d': { $ne: null },
      e: [1, null, true, 1.5],
    };
    const query =
      'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { ... on UpdateUserSuccess { user { appMetadata } } } }';
    const input = { id: user.id, appMetadata: metadata };
    const { data } = await app.gql(query, { input }, { token: admin.accessToken });
    expect(data.updateUser.user.appMetadata).toEqual(metadata);
    const [row] = await runSql<{ app_metadata: string }>(
      app.databaseUrl,
      'select app_metadata from users where id = ?',
      [idBytes(user.id)],
    );
    expect(JSON.parse(row?.app_metadata ?? '')).toEqual(metadata);
  });
});

it('2.2.1: an id in another spelling is the same id, and nothing near it is', async () => {
  const user = await registerUser(app);
  const ask = async (id: string) => {
    const query = 'query ($id: ID!) { admin { user(id: $id) { id } } }';
    const answer: Answer = await app.gql(query, { id }, { token: admin.accessToken });
    expect(answer.errors, id).toBeUndefined();
    return answer.data.admin.user?.id ?? null;
  };
  expect(await ask(user.id.toUpperCase())).toBe(user.id);
  for (const id of [
    ` ${user.id}`,
    `{${user.id}}`,
    user.id.replaceAll('-', ''),
    `${user.id}\0`,
    `urn:uuid:${user.id}`,
  ]) {
    expect(await ask(id)).toBeNull();
  }
});
