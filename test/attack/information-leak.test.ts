import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrolTotp, newName, PASSWORD, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { dropDatabase, newDatabaseUrl } from '../support/database.ts';

const CANARY = 'S3CRET-canary-77';

// what an answer could tell of the inside: statements, code, machines, libraries
const INSIDE =
  /select .* from|insert into|update `|node_modules|\/(?:work|home|src|dist|tmp)\/|\.[jt]s:\d|\bat \w+.*\(|mysql|mariadb|drizzle|pothos|yoga|argon|127\.0\.0\.1|localhost:|econn|er_[a-z]+_|latchkey_test|stack|errno|sqlstate/i;

let app: TestApp;
let user: TestUser;
beforeAll(async () => {
  app = await createTestApp();
  user = await registerUser(app);
});
afterAll(() => app.close());

async function textOf(body: unknown, token?: string): Promise<string> {
  return (await app.post(body, token === undefined ? {} : { token })).text();
}

const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
const UPDATE = 'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { __typename } }';

describe('G24: what is wrong with a request is told without its values', () => {
  const inline = (fields: string, variables?: string) =>
    `mutation ${variables ?? ''} { login(input: {${fields}}) { __typename } }`;
  const cases: [string, { query: string; variables?: object; operationName?: string }][] = [
    ['a required field left out', { query: LOGIN, variables: { input: { password: CANARY } } }],
    ['a field too many', { query: LOGIN, variables: { input: { password: CANARY, x: CANARY } } }],
    ['a list', { query: LOGIN, variables: { input: [CANARY] } }],
    ['text for an object', { query: LOGIN, variables: { input: CANARY } }],
    ['an object for text', { query: LOGIN, variables: { input: { password: { a: CANARY } } } }],
    [
      'a list for text',
      { query: LOGIN, variables: { input: { identifier: [CANARY], password: 'x' } } },
    ],
    [
      'text for a boolean',
      { query: LOGIN, variables: { input: { identifier: 'a', password: 'x', remember: CANARY } } },
    ],
    ['no member of an enum', { query: UPDATE, variables: { input: { id: 'x', role: CANARY } } }],
    ['an object for an id', { query: UPDATE, variables: { input: { id: { a: CANARY } } } }],
    ['a literal without a required field', { query: inline(`password: "${CANARY}"`) }],
    ['a literal with a field too many', { query: inline(`password: "${CANARY}", x: "${CANARY}"`) }],
    ['a literal of a wrong type', { query: inline(`identifier: ["${CANARY}"], password: 1`) }],
    [
      'a literal enum',
      { query: `mutation { updateUser(input: {id: 1, role: "${CANARY}"}) { __typename } }` },
    ],
    ['a string not closed', { query: `mutation { login(input: {password: "${CANARY}}) { a } }` }],
    [
      'a quotation mark forgotten',
      { query: `{ login(input: {password: ${CANARY.slice(0, 6)} "}) }` },
    ],
    ['a block string not closed', { query: `{ login(a: """${CANARY}) }` }],
    ['a wrong escape', { query: `{ login(a: "\\u{${CANARY}}") }` }],
    ['a string in the wrong place', { query: `{ "${CANARY}" }` }],
    ['a block string in the wrong place', { query: `{ """${CANARY}""" }` }],
    ['a comment', { query: `{ # ${CANARY}\n me { ! } }` }],
  ];

  it.each(cases)('%s', async (_what, body) => {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const response = await app.post(body, { headers: { accept } });
      const text = await response.text();
      expect(text).not.toContain(CANARY.slice(0, 6));
      expect(JSON.parse(text).errors[0].extensions.code).toBe('BAD_USER_INPUT');
      expect(text.length).toBeLessThan(4000);
    }
  });

  it('an argument that only turns out at run time to be wrong', async () => {
    const query = inline(`identifier: $a, password: "${CANARY}"`, '($a: String = "x")');
    const text = await textOf({ query, variables: { a: null } });
    expect(text).toContain('"errors"');
    expect(text).not.toContain(CANARY);
  });

  it('a right request whose answer fails', async () => {
    const input = { identifier: user.email, password: CANARY };
    expect(await textOf({ query: LOGIN, variables: { input } })).not.toContain(CANARY);
  });
});

it.each([
  ['G13: a field', '{ m }'],
  ['G13: a mutation', 'mutation { logi }'],
  ['G13: an argument', '{ profile(usernam: "x") { username } }'],
  ['G13: a type', 'query ($a: LoginInpu) { __typename }'],
  ['G13: an input field', 'mutation { login(input: { identifie: "x" }) { __typename } }'],
  ['G13: an enum value', 'mutation { updateUser(input: { id: "1", role: ADMI }) { __typename } }'],
  ['G13: a fragment', '{ ...on Use { id } }'],
  ['G13: a directive', '{ __typename @skp(if: true) }'],
])('%s that is nearly right is not completed', async (_what, query) => {
  const text = await textOf({ query });
  expect(text).toContain('"errors"');
  expect(text).not.toMatch(/did you mean/i);
});

it('G13: a variable with a name that is nearly right is not completed', async () => {
  const input = { identifie: 'x', password: 'x' };
  const text = await textOf({ query: LOGIN, variables: { input } });
  expect(text).toContain('BAD_USER_INPUT');
  expect(text).not.toMatch(/did you mean/i);
  const role = { id: user.id, role: 'ADMI' };
  expect(await textOf({ query: UPDATE, variables: { input: role } })).not.toMatch(/did you mean/i);
});

it('G29: a field behind a right is refused by every path to it, alone', async () => {
  const token = user.accessToken;
  for (const query of [
    '{ admin { users { totalCount } } }',
    '{ a: admin { users { edges { node { email } } } } }',
    '{ ...F } fragment F on Query { admin { dashboard { users } } }',
    '{ ... on Query { ... on Query { admin { auditEvents { edges { node { id } } } } } } }',
  ]) {
    const anonymous = JSON.parse(await textOf({ query }));
    expect(anonymous.errors[0].extensions.code).toBe('UNAUTHENTICATED');
    expect(JSON.stringify(anonymous.data)).toMatch(/^\{"(?:a|admin)":null\}$/);
    const signedIn = JSON.parse(await textOf({ query }, token));
    expect(signedIn.errors[0].extensions.code).toBe('FORBIDDEN');
    expect(JSON.stringify(signedIn.data)).toMatch(/^\{"(?:a|admin)":null\}$/);
  }
});

it('G30: what is refused neither takes the rest with it nor tells whether it is there', async () => {
  const other = await registerUser(app);
  const ask = async (id: string) => {
    const query = `{ me { id } admin { user(id: "${id}") { id } } }`;
    return textOf({ query }, user.accessToken);
  };
  const there = await ask(other.id);
  expect(JSON.parse(there).data).toEqual({ me: { id: user.id }, admin: null });
  expect(await ask('0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa')).toBe(there);
});

const OPERATIONS: [string, Record<string, unknown>][] = [
  ['{ me { id sessions { id } } }', {}],
  ['{ profile(username: "ada") { username } }', {}],
  [LOGIN, { input: { identifier: CANARY, password: CANARY } }],
  [
    'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }',
    { input: { email: `${CANARY}@example.com`, password: `${CANARY} ${CANARY}` } },
  ],
  [
    'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { __typename } }',
    { input: { challenge: CANARY, code: CANARY } },
  ],
  [
    'mutation ($t: String) { refresh(input: { refreshToken: $t }) { __typename } }',
    { t: `${'A'.repeat(22)}.1.${'A'.repeat(43)}` },
  ],
  ['mutation { logout { endedSessions } }', {}],
];

it('G23: a database that is gone shows in no answer but as an internal error', async () => {
  const broken = await createTestApp({
    databaseUrl: newDatabaseUrl(),
    env: { DATABASE_TIMEOUT: '1' },
  });
  try {
    const victim = await registerUser(broken);
    await dropDatabase(broken.databaseUrl);
    let internal = 0;
    for (const [query, variables] of OPERATIONS) {
      for (const token of [undefined, victim.accessToken]) {
        const sending = token === undefined ? {} : { token };
        const text = await (await broken.post({ query, variables }, sending)).text();
        expect(text).not.toMatch(INSIDE);
        expect(text).not.toContain(CANARY);
        const { errors } = JSON.parse(text);
        const code = errors?.[0].extensions.code;
        if (code === 'INTERNAL_SERVER_ERROR') internal++;
      }
    }
    expect(internal).toBeGreaterThan(OPERATIONS.length);
    for (const path of ['/ready', '/health', '/.well-known/jwks.json', '/nothing', '/graphql']) {
      const response = await broken.app.fetch(`http://localhost:4000${path}`);
      expect(await response.text(), path).not.toMatch(INSIDE);
    }
  } finally {
    await broken.close();
  }
});

describe('in production', () => {
  let production: TestApp;
  beforeAll(async () => {
    production = await createTestApp({
      env: {
        NODE_ENV: 'production',
        PUBLIC_URL: 'https://auth.test',
        MAIL: 'off',
        RATE_LIMIT: 'on',
        LOG_LEVEL: 'silent',
      },
    });
  });
  afterAll(() => production.close());

  it.each([
    ['the schema', '{ __schema { types { name } } }'],
    ['a type', '{ __type(name: "Query") { name } }'],
    ['by an alias', '{ a: __schema { types { name } } }'],
    ['by a fragment', '{ ...F } fragment F on Query { __schema { types { name } } }'],
    ['after a newline', '{ __schema\n{ types { name } } }'],
    ['beside something else', '{ __typename __type(name: "User") { fields { name } } }'],
    ['by a mutation', 'mutation { __schema { types { name } } }'],
  ])('G14: introspection is off: %s', async (_what, query) => {
    const { data, errors } = await production.gql(query);
    expect(data ?? null).toBeNull();
    expect(errors?.length).toBeGreaterThan(0);
    expect(await production.gql('{ __typename }')).toEqual({ data: { __typename: 'Query' } });
  });

  it('G28: there is no GraphiQL', async () => {
    const headers = { accept: 'text/html' };
    const response = await production.app.fetch('http://localhost:4000/graphql', { headers });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.text()).not.toMatch(/<html|<script/i);
  });

  it('every answer carries the security headers, whatever it is', async () => {
    const url = 'http://localhost:4000';
    const json = { 'content-type': 'application/json' };
    const requests: [string, RequestInit][] = [
      ['/graphql', { method: 'POST', headers: json, body: '{"query":"{__typename}"}' }],
      ['/graphql', { method: 'POST', headers: json, body: '{' }],
      ['/graphql', { method: 'POST', body: 'x' }],
      ['/graphql', { method: 'POST', headers: json, body: 'x'.repeat(200_000) }],
      ['/graphql', { method: 'DELETE' }],
      ['/graphql', { method: 'OPTIONS' }],
      ['/graphql?query=mutation{logout{endedSessions}}', {}],
      ['/nothing', {}],
      ['/health', {}],
      ['/ready', {}],
    ];
    for (const [path, init] of requests) {
      const { headers, status } = await production.app.fetch(`${url}${path}`, init);
      const what = `${init.method ?? 'GET'} ${path} ${status}`;
      expect(headers.get('x-content-type-options'), what).toBe('nosniff');
      expect(headers.get('content-security-policy'), what).toContain("frame-ancestors 'none'");
      expect(headers.get('strict-transport-security'), what).toMatch(/max-age=\d{8}/);
      expect(headers.get('referrer-policy'), what).toBe('no-referrer');
      expect(headers.get('cache-control'), what).toBe('no-store');
      expect(headers.get('server') ?? headers.get('x-powered-by'), what).toBeNull();
      expect(headers.get('access-control-allow-origin'), what).toBeNull();
    }
  });
});

it('no answer of a signed-in user holds a secret that is stored', async () => {
  const owner = await registerUser(app, { username: newName() });
  const { secret, recoveryCodes } = await enrolTotp(app, owner);
  const query = `{ me { id email phrase role appMetadata dataExport recoveryCodesRemaining
    sessions { id userAgent ipAddress } auditEvents { edges { node { type detail } } } } }`;
  const text = await textOf({ query }, owner.accessToken);
  expect(text).toContain(owner.email);
  const secrets = [PASSWORD, secret, ...recoveryCodes, owner.refreshToken, owner.deviceToken];
  for (const known of secrets) expect(text).not.toContain(known);
  expect(text).not.toMatch(/argon2|passwordHash|totpSecret|nonce|codeHash/i);
});
