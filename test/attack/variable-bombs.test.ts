import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { processorWatch } from '../support/processor-time.ts';

// a bomb takes two seconds and more; what is refused takes milliseconds, on a busy machine some more
const SOON_MS = 1000;
const LOGIN = 'mutation ($i: LoginInput!) { login(input: $i) { __typename } }';
const USERS = 'query ($v: V) { admin { users(first: 1) { edges { cursor } } } }';

let app: TestApp;
// where an operator has raised the limit of lines, variables must be bounded by themselves
let long: TestApp;
beforeAll(async () => {
  [app, long] = await Promise.all([
    createTestApp(),
    createTestApp({ env: { MAX_LINES: '1000000', BODY_LIMIT_BYTES: '1000000' } }),
  ]);
});
afterAll(() => Promise.all([app.close(), long.close()]));

/** Sends what must be refused soon and with a short answer. @returns what is said of it */
async function refused(to: TestApp, query: string, variables?: unknown): Promise<string[]> {
  const started = performance.now();
  const hashes = to.hashes();
  const text = await (await to.post({ query, variables })).text();
  expect(performance.now() - started).toBeLessThan(SOON_MS);
  expect(text.length).toBeLessThan(10_000);
  expect(to.hashes()).toBe(hashes);
  const { data, errors } = JSON.parse(text) as Answer;
  expect(data ?? null).toBeNull();
  for (const { extensions } of errors ?? []) expect(extensions.code).toBe('BAD_USER_INPUT');
  return errors?.map(({ message }) => message) ?? [];
}

const unknown = (n: number, value: unknown = 0) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i.toString(36)}`, value]));
const lines = (n: number, query: string) => '\n'.repeat(n) + query;

describe('unknown fields', () => {
  it('by the thousand are told up to the tenth', async () => {
    const said = await refused(app, LOGIN, { i: unknown(9000) });
    expect(said).toHaveLength(10);
    expect(said[0]).toContain('Field "identifier" of required type "String!" was not provided.');
    expect(said[9]).toBe(
      'Variable "$i" is not valid: Field "k7" is not defined by type "LoginInput".',
    );
  });

  it('by the thousand after a thousand lines', async () => {
    expect(await refused(app, lines(1900, LOGIN), { i: unknown(8000) })).toHaveLength(10);
  });

  it('by the thousand after as many lines as a body may hold', async () => {
    const said = await refused(app, lines(27_000, LOGIN), { i: unknown(4500) });
    expect(said).toEqual([expect.stringContaining('MAX_LINES')]);
    expect(await refused(long, lines(27_000, LOGIN), { i: unknown(4500) })).toHaveLength(10);
  });

  it.each([
    [
      'that nearly are known ones',
      Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`identifier${i}`, 1])),
    ],
    ['of a name of 90 kB', { ['x'.repeat(90_000)]: 1 }],
    ['where a text should be', { identifier: unknown(4000), password: unknown(4000) }],
    ['that nest', { identifier: unknown(2000, unknown(2)), password: 1 }],
    ['in objects of a list', Array.from({ length: 4000 }, () => unknown(2))],
  ])('%s', async (_what, i) => {
    expect((await refused(app, LOGIN, { i })).length).toBeGreaterThan(0);
  });
});

it.each([
  ['Int', `query ($v: Int) { admin { users(first: $v) { edges { cursor } } } }`],
  ['Role', `query ($v: Role) { admin { users(role: $v) { edges { cursor } } } }`],
])('hints by the thousand in a value of the type %s', async (_type, query) => {
  const said = await refused(app, query, { v: 'Did you mean '.repeat(7000) });
  expect(said).toEqual([expect.stringMatching(/^Variable "\$v" is not valid: Expected /)]);
});

it('hints by the thousand in a literal', async () => {
  const value = `"${'Did you mean '.repeat(7000)}"`;
  const said = await refused(app, `{ admin { users(first: ${value}) { edges { cursor } } } }`);
  expect(said).toEqual(['Expected a value of the type Int.']);
});

it('many wrong variables are told up to the tenth', async () => {
  const names = Array.from({ length: 60 }, (_, i) => `v${i}`);
  const query = `query (${names.map((name) => `$${name}: Boolean!`).join(' ')}) { __typename }`;
  expect(await refused(long, lines(40_000, query))).toHaveLength(10);
  expect(await refused(app, lines(1900, USERS), unknown(8000))).not.toHaveLength(0);
});

describe('each problem of variables is told once', () => {
  const query =
    'query ($id: ID!, $first: Int!) { admin { user(id: $id) { id } users(first: $first) { edges { cursor } } } }';
  const missing = (name: string, type: string) =>
    `Variable "$${name}" of required type "${type}" was not provided.`;
  const isNull = (name: string, type: string) =>
    `Variable "$${name}" of non-null type "${type}" must not be null.`;
  const wrong = 'Variable "$first" is not valid: Expected a value of the type Int.';

  it.each([
    ['where none are sent', undefined, [missing('id', 'ID!'), missing('first', 'Int!')]],
    ['where one is missing and one wrong', { first: 'x' }, [missing('id', 'ID!'), wrong]],
    ['where one is null and one wrong', { id: null, first: 'x' }, [isNull('id', 'ID!'), wrong]],
  ])('%s', async (_what, variables, problems) => {
    expect(await refused(app, query, variables)).toEqual(problems);
  });
});

it('a default counts where nothing is sent, and not where null is', async () => {
  const query = 'query ($first: Int! = 1) { admin { users(first: $first) { edges { cursor } } } }';
  expect((await app.gql(query)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  expect(await refused(app, query, { first: null })).toEqual([
    'Variable "$first" of non-null type "Int!" must not be null.',
  ]);
});

describe('marks by the thousand, which take a quadratic time to be put in their order', () => {
  const marks = `a${'\u0301\u0323'.repeat(24_000)}`;
  it.each([
    ['register', 'RegisterInput', { email: marks, password: 'four words in a row' }],
    ['register', 'RegisterInput', { email: 'a@b.cc', password: 'four words', username: marks }],
    ['register', 'RegisterInput', { email: 'a@b.cc', password: 'four words', displayName: marks }],
    ['register', 'RegisterInput', { email: 'a@b.cc', password: marks }],
    ['login', 'LoginInput', { identifier: marks, password: 'four words in a row' }],
    ['login', 'LoginInput', { identifier: 'a@b.cc', password: marks }],
    ['requestPasswordReset', 'RequestPasswordResetInput', { email: marks }],
    ['completeLogin', 'CompleteLoginInput', { challenge: 'x', code: marks }],
  ])('%s(%s)', async (field, type, input) => {
    const query = `mutation ($i: ${type}!) { ${field}(input: $i) { __typename } }`;
    const busyMs = processorWatch();
    const { data } = await app.gql(query, { i: input });
    expect(busyMs()).toBeLessThan(500);
    expect(data?.[field].__typename).toMatch(/^(?:Invalid|RequestPasswordResetSuccess)/);
  });
});
