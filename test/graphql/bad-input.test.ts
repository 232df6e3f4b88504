import fc from 'fast-check';
import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
} from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import {
  countRows,
  isSignedIn,
  PASSWORD,
  registerAdmin,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: { LOGIN_ATTEMPT_LIMIT: '1000' } });
});
afterAll(() => app.close());

const VISITORS = ['nobody', 'user', 'admin'] as const;
type Visitor = (typeof VISITORS)[number];
const tokens: Partial<Record<Visitor, string>> = {};

/** Some of the input is good enough to sign out or to delete the account by; then there is another. */
async function sendingOf(visitor: Visitor): Promise<Sending> {
  if (visitor === 'nobody') return {};
  let token = tokens[visitor];
  if (token === undefined || !(await isSignedIn(app, token))) {
    const account = await (visitor === 'admin' ? registerAdmin(app) : registerUser(app));
    token = account.accessToken;
    tokens[visitor] = token;
  }
  return { token };
}

/** What has broken other services. */
const NASTY = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\uD800',
  '\uDFFF\uD800',
  '\uFEFF',
  '\u202E',
  '\r\nX: y',
  "' or '1'='1",
  '"; drop table users; --',
  '\\',
  '%',
  '#{7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '../../../../etc/passwd',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '-1',
  '1e309',
  'ﷺ'.repeat(200),
  'é'.normalize('NFD').repeat(300),
  '😀'.repeat(200),
  'x'.repeat(20_000),
  '01890000-0000-7000-8000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'ada@example.com',
];

const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((codes) => String.fromCharCode(...codes)),
);

/** Anything of the right shape, with anything at all in its texts. */
function anyOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
  const named = getNamedType(type);
  const value = isInputObjectType(named)
    ? fc.record(
        Object.fromEntries(
          Object.values(named.getFields()).map((field) => [field.name, anyOf(field.type)]),
        ),
        {
          requiredKeys: Object.values(named.getFields())
            .filter((field) => isNonNullType(field.type))
            .map((field) => field.name),
        },
      )
    : scalarOf(named.name);
  return isNonNullType(type) ? value : fc.option(value);
}

function scalarOf(name: string): fc.Arbitrary<unknown> {
  const type = schema.getType(name);
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map((value) => value.name));
  if (name === 'Boolean') return fc.boolean();
  if (name === 'Int') return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  if (name === 'JSON') return fc.jsonValue({ maxDepth: 3 });
  // now and then what is right, so that more than the first check is met
  return fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.constant(PASSWORD) });
}

const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((root) =>
  Object.values(root?.getFields() ?? {})
    .filter((field) => field.args.length > 0)
    .map((field) => [field.name, root?.name.toLowerCase() ?? '', field] as const),
);

it.each(fields)('%s has an answer to everything', async (name, kind, field) => {
  const declared = field.args.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
  const query = `${kind} (${declared}) { ${name}(${passed}) ${selection} }`;
  const variables = fc.record(
    Object.fromEntries(field.args.map((arg) => [arg.name, anyOf(arg.type)])),
  );
  await fc.assert(
    fc.asyncProperty(variables, fc.constantFrom(...VISITORS), async (given, visitor) => {
      const response = await app.post({ query, variables: given }, await sendingOf(visitor));
      const answer = await response.json();
      expect(response.status).toBe(200);
      const codes = (answer.errors ?? []).map(
        (error: { extensions: { code: string } }) => error.extensions.code,
      );
      expect(['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT', undefined]).toContain(codes[0]);
    }),
    // the same every time: what it found once stays found, and what it finds is no surprise to somebody else
    { numRuns: 25, seed: 20261120 },
  );
});

const IDS = [
  'admin.user',
  'admin.auditEvents',
  'revokeSession',
  'deleteUser',
  'unlockUser',
] as const;

it.each(IDS)('%s finds nothing under what is no id', async (place) => {
  const documents: Record<(typeof IDS)[number], string> = {
    'admin.user': 'query ($id: ID!) { found: admin { user(id: $id) { id } } }',
    'admin.auditEvents':
      'query ($id: ID!) { found: admin { auditEvents(userId: $id) { edges { cursor } } } }',
    revokeSession: 'mutation ($id: ID!) { found: revokeSession(id: $id) { __typename } }',
    deleteUser: 'mutation ($id: ID!) { found: deleteUser(id: $id) { __typename } }',
    unlockUser: 'mutation ($id: ID!) { found: unlockUser(id: $id) { __typename } }',
  };
  const nothing = [{ user: null }, { auditEvents: { edges: [] } }, { __typename: 'NotFound' }];
  for (const id of [...NASTY, 0, -1, 2 ** 53]) {
    const { data, errors } = await app.gql(documents[place], { id }, await sendingOf('admin'));
    expect(errors, String(id).slice(0, 40)).toBeUndefined();
    expect(nothing).toContainEqual(data.found);
  }
});

it.each([
  ['a number for a text', { email: 1, password: PASSWORD }],
  ['a boolean for a text', { email: true, password: PASSWORD }],
  ['a list for a text', { email: ['a@b.cc'], password: PASSWORD }],
  ['an object for a text', { email: { toString: 'a@b.cc' }, password: PASSWORD }],
  ['a text for a boolean', { email: 'a@b.cc', password: PASSWORD, remember: 'true' }],
  ['null for what must be', { email: null, password: PASSWORD }],
  ['nothing for what must be', { password: PASSWORD }],
  ['an unknown field', { email: 'a@b.cc', password: PASSWORD, admin: true }],
  ['a field in another case', { Email: 'a@b.cc', password: PASSWORD }],
  ['a prototype key', JSON.parse(`{"email":"a@b.cc","password":"${PASSWORD}","__proto__":{}}`)],
  ['a constructor', { email: 'a@b.cc', password: PASSWORD, constructor: { prototype: {} } }],
  ['a list for the whole', [{ email: 'a@b.cc', password: PASSWORD }, {}]],
  ['a text for the whole', 'email=a@b.cc'],
  ['null for the whole', null],
])('refuses %s, and writes nothing', async (_what, input) => {
  const before = await countRows(app);
  const query = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
  // as text, because `__proto__` must arrive as a key
  const body = `{"query": ${JSON.stringify(query)}, "variables": {"input": ${JSON.stringify(input)}}}`;
  const response = await app.post(body);
  const { data, errors } = await response.json();
  expect(data).toBeUndefined();
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) expect(error.extensions.code).toBe('BAD_USER_INPUT');
  expect(await countRows(app)).toEqual(before);
});

it('takes no variable for one that is not declared, nor for a prototype', async () => {
  const body = (variables: string) =>
    `{"query": "query ($username: String!) { profile(username: $username) { username } }", "variables": ${variables}}`;
  for (const variables of [
    '{"__proto__": {"username": "x"}}',
    '{"constructor": {"username": "x"}}',
    '{}',
    'null',
  ]) {
    const answer = await (await app.post(body(variables), await sendingOf('user'))).json();
    expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const query = `query ($${name}: String!) { profile(username: $${name}) { username } }`;
    const answer = await app.gql(query, {}, await sendingOf('user'));
    expect(answer.errors, name).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
});

it('finds no operation and no field by the name of a prototype', async () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const { errors } = await app.gql(`{ ${name} }`, {}, await sendingOf('user'));
    expect(errors, name).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    const response = await app.post({ query: '{ me { id } }', operationName: name });
    expect((await response.json()).errors, name).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  }
});
