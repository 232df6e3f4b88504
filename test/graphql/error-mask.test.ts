import { getNamedType, isInputObjectType, isListType, isNonNullType } from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { PASSWORD, registerAdmin, type TestUser } from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const CANARY = 'S3CRET-CANARY';
/** The same where a name is expected. */
const NAME_CANARY = 'S3CRET_CANARY';
const LEAK = /S3CRET.CANARY/i;

const logged: string[] = [];
let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp({
    env: { LOGIN_ATTEMPT_LIMIT: '1000' },
    // without the redaction of the service's own logger: what is not passed to it cannot slip through it
    overrides: { logger: pino({ level: 'trace' }, { write: (line) => logged.push(line) }) },
  });
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

interface InputField {
  mutation: string;
  type: string;
  field: string;
  isText: boolean;
  isList: boolean;
}

/** Every field of every input of every mutation. */
const inputFields: InputField[] = Object.values(
  schema.getMutationType()?.getFields() ?? {},
).flatMap((mutation) =>
  mutation.args.flatMap((arg) => {
    const type = getNamedType(arg.type);
    if (!isInputObjectType(type)) return [];
    return Object.values(type.getFields()).map((field) => {
      const named = getNamedType(field.type).name;
      const isText = named === 'String' || named === 'ID' || named === 'JSON';
      const inner = isNonNullType(field.type) ? field.type.ofType : field.type;
      return {
        mutation: mutation.name,
        type: type.name,
        field: field.name,
        isText,
        isList: isListType(inner),
      };
    });
  }),
);

async function leaksOf(body: unknown, sending: Sending): Promise<string | null> {
  logged.length = 0;
  const response = await app.post(body, sending);
  const text = await response.text();
  expect(response.status, text).toBeLessThan(500);
  expect(text).not.toContain('INTERNAL_SERVER_ERROR');
  if (LEAK.test(text)) return text;
  expect(logged.length).toBeGreaterThan(0);
  if (logged.some((line) => LEAK.test(line))) return `logged ${logged.join('')}`;
  return null;
}

/** Sends it as nobody and as an administrator. */
async function expectNoLeak(body: unknown, headers: Record<string, string> = {}): Promise<void> {
  for (const sending of [{ headers }, { headers, token: admin.accessToken }]) {
    expect(await leaksOf(body, sending), JSON.stringify(body).slice(0, 300)).toBeNull();
  }
}

it.each(inputFields.map((input) => [`${input.mutation}.${input.field}`, input] as const))(
  'repeats nothing of what %s got that it cannot take',
  async (_path, { mutation, type, field, isText }) => {
    const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename ... on Error { code message } } }`;
    const variables = [
      { [field]: { deep: CANARY } },
      { [field]: [CANARY, { deep: CANARY }] },
      // the others are missing
      { [field]: CANARY },
      { [field]: CANARY, unknown: CANARY },
      { [field]: null, unknown: { [field]: CANARY } },
      CANARY,
      [CANARY],
      [{ [field]: CANARY }],
    ];
    for (const input of variables) await expectNoLeak({ query, variables: { input } });
    const literals = [
      `{ ${field}: ${NAME_CANARY} }`,
      `{ ${field}: { deep: "${CANARY}" } }`,
      `{ ${field}: ["${CANARY}", """${CANARY}"""] }`,
      `{ ${field}: "${CANARY}", unknown: "${CANARY}" }`,
      `{ ${field}: $undeclared, unknown: ${NAME_CANARY} }`,
      ...(isText ? [] : [`{ ${field}: "${CANARY}" }`, `{ ${field}: """${CANARY}""" }`]),
      `"${CANARY}"`,
      `["${CANARY}"]`,
      NAME_CANARY,
    ];
    for (const literal of literals) {
      await expectNoLeak({ query: `mutation { ${mutation}(input: ${literal}) { __typename } }` });
    }
  },
);

const LOGIN = 'login(input: { identifier: "ada", password:';

it.each([
  ['a text that does not end', `mutation { ${LOGIN} "${CANARY}`],
  ['a text that ends on another line', `mutation { ${LOGIN} "${CANARY}\n" }) { __typename } }`],
  ['a block that does not end', `mutation { ${LOGIN} """${CANARY}`],
  ['no quotation marks', `mutation { ${LOGIN} ${CANARY} }) { __typename } }`],
  ['no quotation marks around a name', `mutation { ${LOGIN} ${NAME_CANARY} }) { __typename } }`],
  ['single quotation marks', `mutation { ${LOGIN} '${CANARY}' }) { __typename } }`],
  ['typographic quotation marks', `mutation { ${LOGIN} “${CANARY}” }) { __typename } }`],
  ['one quotation mark too many', `mutation { ${LOGIN} "x" "${CANARY}" }) { __typename } }`],
  ['a bad escape', `mutation { ${LOGIN} "\\x ${CANARY}" }) { __typename } }`],
  ['a bad Unicode escape', `mutation { ${LOGIN} "\\u{${CANARY}}" }) { __typename } }`],
  ['a number with letters', `mutation { ${LOGIN} 5${NAME_CANARY} }) { __typename } }`],
  ['no brackets', `mutation login "${CANARY}"`],
  ['the text alone', `"${CANARY}"`],
  ['the name alone', NAME_CANARY],
  ['a block alone', `"""${CANARY}"""`],
  ['an unknown argument', `mutation { login(passwort: "${CANARY}") { __typename } }`],
  [
    'an argument given twice',
    `mutation { revokeSession(id: "${CANARY}", id: "${CANARY}") { __typename } }`,
  ],
  [
    'a field given twice',
    `mutation { ${LOGIN} "${CANARY}", password: "${CANARY}" }) { __typename } }`,
  ],
  ['an argument on what takes none', `{ me { email(password: "${CANARY}") } }`],
  [
    'a default of a wrong type',
    `mutation ($input: LoginInput = "${CANARY}") { login(input: $input) { __typename } }`,
  ],
  [
    'a default number',
    `query ($first: Int = "${CANARY}") { admin { users(first: $first) { totalCount } } }`,
  ],
  [
    'a default enum',
    `query ($role: Role = ${NAME_CANARY}) { admin { users(role: $role) { totalCount } } }`,
  ],
  ['an argument of a directive', `{ me @include(if: "${CANARY}") { id } }`],
  ['an unknown directive', `{ me @password(is: "${CANARY}") { id } }`],
  ['a number for a text', '{ me { id } profile(username: 123123123) { username } }'],
  ['a boolean for an id', `mutation { revokeSession(id: [true, "${CANARY}"]) { __typename } }`],
  ['a comment', `mutation { login # ${CANARY}\n }`],
])('repeats nothing of a document with %s', async (_what, query) => {
  await expectNoLeak({ query });
  await expectNoLeak({ query, variables: { password: CANARY, input: CANARY } });
});

it.each([
  ['a list', `["${CANARY}"]`],
  ['a text', `"${CANARY}"`],
  ['no JSON', `{"query": "{ me { id } }", "variables": {"password": ${CANARY}}}`],
  ['broken JSON', `{"variables": {"password": "${CANARY}`],
  ['variables that are a text', { query: '{ me { id } }', variables: CANARY }],
  ['variables that are a list', { query: '{ me { id } }', variables: [CANARY] }],
  ['a query that is an object', { query: { password: CANARY } }],
  ['extensions that are a text', { query: '{ me { id } }', extensions: CANARY }],
  ['an operation name that is an object', { query: '{ me { id } }', operationName: { a: CANARY } }],
  ['no query', { variables: { password: CANARY } }],
  ['a persisted query', { extensions: { persistedQuery: { sha256Hash: CANARY } } }],
])('repeats nothing of a body that is %s', async (_what, body) => {
  await expectNoLeak(body);
});

it('repeats nothing of headers, and nothing of a body it does not read', async () => {
  const query = '{ me { id } }';
  for (const authorization of [
    CANARY,
    `Bearer ${CANARY}`,
    `Basic ${CANARY}`,
    `Bearer ${CANARY} ${CANARY}`,
  ]) {
    expect(await leaksOf({ query }, { headers: { authorization } })).toBeNull();
  }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', `text/${NAME_CANARY}`]) {
    expect(
      await leaksOf({ query, variables: { a: CANARY } }, { headers: { 'content-type': type } }),
    ).toBeNull();
  }
  expect(
    await leaksOf('x', { headers: { cookie: `__Host-access=${CANARY}; a=${CANARY}` } }),
  ).toBeNull();
});

it.each([
  ['login', { identifier: CANARY, password: CANARY, code: CANARY, deviceToken: CANARY }],
  ['completeLogin', { challenge: CANARY, code: CANARY }],
  ['refresh', { refreshToken: CANARY }],
  ['enableTotp', { currentPassword: CANARY }],
  ['confirmTotp', { code: CANARY }],
  ['disableTotp', { currentPassword: CANARY, code: CANARY }],
  ['regenerateRecoveryCodes', { currentPassword: PASSWORD, code: CANARY }],
  ['updateProfile', { currentPassword: CANARY, newPassword: `${CANARY}-${CANARY}` }],
  ['updateProfile', { currentPassword: PASSWORD, newPassword: CANARY.repeat(20) }],
  ['deleteAccount', { confirm: true, currentPassword: CANARY, code: CANARY }],
  [
    'register',
    { email: CANARY, password: CANARY, username: `${CANARY}!`, displayName: `\0${CANARY}` },
  ],
])('repeats no secret that %s refuses (%#)', async (mutation, input) => {
  const type = schema.getMutationType()?.getFields()[mutation]?.args[0]?.type;
  const query = `mutation ($input: ${type}) {
    ${mutation}(input: $input) { __typename ... on Error { code message } ... on InvalidInput { fields { path message } } }
  }`;
  await expectNoLeak({
    query: query.replace(/ \.\.\. on InvalidInput .*? } }/, ''),
    variables: { input },
  });
});

it('says of a wrong value where it is and what belongs there', async () => {
  const query =
    'mutation ($input: RegisterInput!, $off: Boolean!) { register(input: $input) @skip(if: $off) { __typename } }';
  const input = { email: ['x'], password: 1, remember: 'yes', nickname: 'ada' };
  const { data, errors } = await app.gql(query, { input, off: 'x' });
  expect(data).toBeUndefined();
  const messages = errors?.map((error) => error.message);
  expect(messages).toEqual([
    'Variable "$input" is not valid at "input.email": Expected a value of the type String.',
    'Variable "$input" is not valid at "input.password": Expected a value of the type String.',
    'Variable "$input" is not valid at "input.remember": Expected a value of the type Boolean.',
    'Variable "$input" is not valid: Field "nickname" is not defined by type "RegisterInput".',
    'Variable "$off" is not valid: Expected a value of the type Boolean.',
  ]);
  for (const error of errors ?? []) expect(error.extensions).toEqual({ code: 'BAD_USER_INPUT' });
});

it.each([
  '{ m }',
  '{ mee { id } }',
  'mutation { logi }',
  '{ me { emai } }',
  '{ admin { users(firs: 1) { totalCount } } }',
  'query ($a: LoginInpu) { __typename }',
  'mutation { login(input: { identifie: "x", passwor: "x" }) { __typename } }',
  'mutation { updateUser(input: { id: "x", role: ADMI }) { __typename } }',
  'mutation { login(input: { identifier: "x", password: "x" }) { ... on LoginSucces { user { id } } } }',
])('gives no hint at names that the client did not know: %s', async (query) => {
  const { errors } = await app.gql(query);
  expect(errors?.length).toBeGreaterThan(0);
  expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
});

it('hides an unexpected error behind a number that the log has too, and shows no part of it', async () => {
  logged.length = 0;
  const sql =
    "create trigger refuse_sessions before update on sessions for each row signal sqlstate '45000' set message_text = 'S3CRET-CANARY'";
  await runSql(app.databaseUrl, sql);
  try {
    const query = 'mutation { logout { endedSessions } }';
    const answer = await app.gql(
      query,
      {},
      { token: admin.accessToken, headers: { 'x-request-id': 'request-77' } },
    );
    expect(answer).toEqual({
      data: null,
      errors: [
        {
          message: expect.stringMatching(/^Something went wrong/),
          path: ['logout'],
          locations: [{ line: 1, column: 12 }],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'request-77' },
        },
      ],
    });
    const entry = logged
      .map((line) => JSON.parse(line))
      .find((line) => line.msg === 'unexpected error');
    expect(entry).toMatchObject({ level: 50, requestId: 'request-77' });
    // drizzle's message would hold every parameter
    expect(JSON.stringify(entry)).not.toMatch(/params:|update `sessions`/);
  } finally {
    await runSql(app.databaseUrl, 'drop trigger refuse_sessions');
  }
});
