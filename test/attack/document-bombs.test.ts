import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, PASSWORD, registerAdmin, registerUser } from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { processorWatch } from '../support/processor-time.ts';

const URL = 'http://localhost:4000/graphql';
// a bomb takes seconds to years; what is refused takes milliseconds
const SOON_MS = 1000;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Sends a document that must be refused as a whole, soon, and with a short answer. @returns what is said of it */
async function refused(query: string, variables?: Record<string, unknown>): Promise<string> {
  const busyMs = processorWatch();
  const hashes = app.hashes();
  const response = await app.post({ query, variables });
  const text = await response.text();
  expect(busyMs()).toBeLessThan(SOON_MS);
  const { data, errors } = JSON.parse(text) as Answer;
  expect(data ?? null).toBeNull();
  expect(errors?.length).toBeGreaterThan(0);
  expect(errors?.length).toBeLessThanOrEqual(10);
  expect(text.length).toBeLessThan(10_000);
  expect(app.hashes()).toBe(hashes);
  expect((await app.gql('{ __typename }')).data).toEqual({ __typename: 'Query' });
  return errors?.map(({ message }) => message).join('\n') ?? '';
}

const times = (n: number, make: (i: number) => string, between = ' ') =>
  Array.from({ length: n }, (_, i) => make(i)).join(between);

describe('G5: alias overload', () => {
  it.each([
    ['of __typename', `{ ${times(101, (i) => `a${i}: __typename`)} }`],
    ['of a field', `{ me { ${times(101, (i) => `a${i}: id`)} } }`],
    [
      'hidden in a fragment',
      `{ me { ...F } } fragment F on User { ${times(16, (i) => `a${i}: id`)} }`,
    ],
    [
      'spread over fragments',
      `{ me { ${times(4, (i) => `...F${i}`)} } } ${times(4, (i) => `fragment F${i} on User { ${times(4, (j) => `a${i}${j}: id`)} }`)}`,
    ],
    ['in inline fragments', `{ ${times(16, (i) => `... { a${i}: __typename }`)} }`],
    [
      'in a fragment that nothing uses',
      `{ __typename } fragment F on User { ${times(300, (i) => `a: ${['id', 'email'][i % 2]}`)} }`,
    ],
    [
      'in a fragment that spreads itself',
      `{ __typename } fragment F on User { ${times(190, (i) => `a${i}: id`)} ...F }`,
    ],
  ])('%s', async (_what, query) => {
    expect(await refused(query)).toMatch(/MAX_ALIASES|MAX_ROOT_FIELDS/);
  });
});

describe('G6, G7: depth', () => {
  const deep = (levels: number) => {
    let query = 'id';
    for (let i = 0; i < levels; i++) query = `a { ${query} }`;
    return `{ ${query} }`;
  };
  it.each([
    ['of fields', deep(20)],
    ['of 400 fields', deep(240)],
    [
      'over fragments',
      `{ a { ...F0 } } ${times(12, (i) => `fragment F${i} on User { a { ...F${i + 1} } }`)} fragment F12 on User { id }`,
    ],
    ['in inline fragments', `{ ${times(12, () => '... { a {')} id ${times(12, () => '} }')} }`],
  ])('%s', async (_what, query) => {
    expect(await refused(query)).toContain('MAX_DEPTH');
  });

  it('of inline fragments alone, as deep as tokens allow', async () => {
    await refused(`{ ${times(400, () => '... {')} nothing ${times(400, () => '}')} }`);
  });
});

describe('G8: fragments in a circle', () => {
  it.each([
    ['of two', 'query { me { ...A } } fragment A on User { ...B } fragment B on User { ...A }'],
    ['of one', 'query { me { ...A } } fragment A on User { id ...A }'],
    [
      'of a hundred',
      `query { me { ...F0 } } ${times(100, (i) => `fragment F${i} on User { ...F${(i + 1) % 100} }`)}`,
    ],
    ['that nothing uses', '{ __typename } fragment A on User { ...A }'],
    [
      'at the root',
      'mutation { ...A } fragment A on Mutation { ...B } fragment B on Mutation { ...A }',
    ],
  ])('%s', async (_what, query) => {
    await refused(query);
  });
});

describe('G9: fragments that fan out', () => {
  const fanOut = (width: number, on: string, last: string) =>
    times(width, (i) => `fragment f${i} on ${on} { ...f${i + 1} ...f${i + 1} }`) +
    ` fragment f${width} on ${on} { ${last} }`;
  // forty doublings are a trillion
  const bomb = (on: string, last: string) => fanOut(40, on, last);

  it.each([
    ['at the root', `{ ...f0 } ${bomb('Query', 'nothing')}`],
    ['in an object', `{ me { ...f0 } } ${bomb('User', 'nothing')}`],
    [
      'with aliases',
      `{ me { ...f0 } } ${bomb(
        'User',
        times(16, (i) => `a${i}: id`),
      )}`,
    ],
    ['with directives', `{ me { ...f0 } } ${bomb('User', 'id @a @b @c @d @e @f @g @h @i')}`],
    ['in a mutation', `mutation { ...f0 } ${bomb('Mutation', 'nothing')}`],
    ['with the field twice', `{ me { ...f0 } me { ...f0 } } ${bomb('User', 'nothing')}`],
  ])('%s', async (_what, query) => {
    await refused(query);
  });

  it('with nesting, so that each level can be merged with itself', async () => {
    const nested = times(
      7,
      (i) => `fragment f${i} on User { a { ...f${i + 1} } a { ...f${i + 1} } }`,
    );
    await refused(`{ me { ...f0 ...f0 } } ${nested} fragment f7 on User { id }`);
  });

  it('and is sound is answered soon', async () => {
    const busyMs = processorWatch();
    const { data } = await app.gql(`{ me { ...f0 } } ${fanOut(40, 'User', 'id')}`);
    expect(busyMs()).toBeLessThan(SOON_MS);
    expect(data).toEqual({ me: null });
  });
});

it.each([
  ['unknown ones', `{ __typename ${'@aa'.repeat(200)} }`],
  ['unknown ones on the operation', `query ${'@aa '.repeat(200)} { __typename }`],
  ['skip and include', `{ __typename ${'@include(if: true) '.repeat(120)} }`],
  [
    'over fragments',
    `{ ${times(9, (i) => `...F${i} @skip(if: false)`)} } ${times(9, (i) => `fragment F${i} on Query { __typename }`)}`,
  ],
])('G10: directive overload by %s', async (_what, query) => {
  expect(await refused(query)).toContain('MAX_DIRECTIVES');
});

it('G10: directives where the limit does not count them make a short answer all the same', async () => {
  await refused(`query ($a: Int ${'@aa '.repeat(300)}) { __typename }`);
});

it('G10: directives of a fragment that nothing uses are counted', async () => {
  const query = `{ __typename } fragment F on Query ${'@aa '.repeat(300)} { __typename }`;
  expect(await refused(query)).toContain('MAX_DIRECTIVES');
});

it('G11: one field a thousand times', async () => {
  expect(await refused(`{ me { ${'id '.repeat(1000)} } }`)).toContain('MAX_TOKENS');
  expect(await refused(`{ ${'__typename '.repeat(900)} }`)).toContain('MAX_ROOT_FIELDS');
});

describe('G11: one field often in one place, where each is compared with each', () => {
  it.each([
    ['in an operation', `{ me { ${'sessions { id } '.repeat(51)} } }`, 'sessions'],
    ['in inline fragments', `{ me { ${'... { id } '.repeat(51)} } }`, 'id'],
    ['under an alias', `{ me { a: id ${'a '.repeat(50)} } }`, 'a'],
    [
      'in a fragment that nothing uses',
      `{ __typename } fragment F on Query { ${'me { id } '.repeat(240)} }`,
      'me',
    ],
    [
      'in fields that are merged',
      `{ me { ${`sessions { ${'id '.repeat(26)} } `.repeat(2)} } }`,
      'id',
    ],
  ])('%s', async (_what, query, name) => {
    expect(await refused(query)).toBe(
      `The document asks for one field more than 50 times in one place. Ask once for "${name}".`,
    );
  });

  it('over fragments', async () => {
    const fragments = times(18, (i) => `fragment F${i} on User { ${'id '.repeat(46)} }`);
    const said = await refused(`{ me { ${times(18, (i) => `...F${i}`)} } } ${fragments}`);
    expect(said).toBe('Too many fields and fragments of the document meet in one place.');
  });

  it('and fifty times is answered', async () => {
    const { data } = await app.gql(`{ me { ${'id '.repeat(50)} } }`);
    expect(data).toEqual({ me: null });
  });
});

describe('lines, which are counted anew for each error', () => {
  it.each(['\n', '\r', '\r\n'])('up to 2000 that end in %j pass', async (end) => {
    const { data } = await app.gql(`${end.repeat(1999)}{ __typename }`);
    expect(data).toEqual({ __typename: 'Query' });
    expect(await refused(`${end.repeat(2000)}{ __typename }`)).toBe(
      'The document has more than 2000 lines. Split it, or have the operator raise MAX_LINES.',
    );
  });

  it.each([
    ['in comments', `{ __typename } ${'#\n'.repeat(30_000)}`],
    ['in a text', `{ admin { user(id: """${'\n'.repeat(40_000)}""") { id } } }`],
    ['before a mistake in the syntax', `${'\n'.repeat(40_000)}{`],
    ['before too many tokens', `${'\n'.repeat(40_000)}{ ${'a '.repeat(1000)} }`],
  ])('%s', async (_what, query) => {
    expect(await refused(query)).toContain('MAX_LINES');
  });

  it('that the operator allows are not counted for more errors than are told', async () => {
    const long = await createTestApp({
      env: { MAX_LINES: '1000000', BODY_LIMIT_BYTES: '1000000' },
    });
    const query = `${'\n'.repeat(200_000)}{ me { ${times(900, (i) => `z${i}`)} } }`;
    const busyMs = processorWatch();
    const { errors } = await long.gql(query);
    expect(busyMs()).toBeLessThan(SOON_MS);
    expect(errors).toHaveLength(10);
    await long.close();
  });
});

it('G12: a thousand unknown fields', async () => {
  await refused(`{ me { ${times(900, (i) => `z${i}`)} } }`);
  expect(await refused(`{ ${times(14_000, (i) => `z${i}`)} }`)).toContain('MAX_TOKENS');
});

it('G12: a name of 90 kB is not said back', async () => {
  await refused(`{ ${'z'.repeat(90_000)} }`);
  await refused(`{ me { ...${'z'.repeat(90_000)} } }`);
  await refused(`query ($${'z'.repeat(90_000)}: Int!) { __typename }`);
});

describe('G15: introspection in circles, where introspection is on', () => {
  it.each([
    [
      'of fields',
      `{ __schema { types { ${times(6, () => 'fields { type {')} name ${times(6, () => '} }')} } } }`,
    ],
    [
      'from a type',
      `{ __type(name: "User") { ${times(6, () => 'fields { type {')} name ${times(6, () => '} }')} } }`,
    ],
    [
      'over fragments',
      '{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B } } } fragment B on __Type { fields { type { ...C } } } fragment C on __Type { fields { type { fields { name } } } }',
    ],
    [
      'of possible types',
      `{ __schema { types { ${times(6, () => 'possibleTypes { interfaces {')} name ${times(6, () => '} }')} } } }`,
    ],
  ])('%s', async (_what, query) => {
    await refused(query);
  });

  it('while the query of every tool is answered', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const { data } = await app.gql(getIntrospectionQuery());
    expect(data.__schema.types.length).toBeGreaterThan(20);
  });
});

it.each([
  [
    'many characters in the variables',
    JSON.stringify({ query: '{ me { id } }', variables: { a: 'x'.repeat(2e6) } }),
  ],
  ['a long document', JSON.stringify({ query: `{ me { id } } #${'x'.repeat(200_000)}` })],
  ['no JSON at all', 'x'.repeat(150_000)],
])('G19: a huge body of %s is cut off at its limit', async (_what, body) => {
  const busyMs = processorWatch();
  const response = await app.post(body);
  expect(response.status).toBe(413);
  expect(await response.text()).toContain('BODY_LIMIT_BYTES');
  expect(busyMs()).toBeLessThan(SOON_MS);
});

it.each([
  ['gzip', gzipSync(Buffer.alloc(1_000_000))],
  ['br', Buffer.from('{"query":"{__typename}"}')],
  ['identity, gzip', gzipSync('{"query":"{__typename}"}')],
])('G20: a body in %s is not unpacked', async (encoding, body) => {
  const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
  const response = await app.app.fetch(URL, { method: 'POST', headers, body });
  expect(response.status).toBe(415);
});

describe('G21: nesting', () => {
  it.each([
    ['arrays', '['.repeat(95_000)],
    ['objects', '{"a":'.repeat(19_000)],
    [
      'arrays in the variables',
      `{"query":"{__typename}","variables":{"a":${'['.repeat(40_000)}${']'.repeat(40_000)}}}`,
    ],
    [
      'objects in the extensions',
      `{"query":"{__typename}","extensions":${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}}`,
    ],
  ])('of JSON %s', async (_what, body) => {
    const busyMs = processorWatch();
    expect((await app.post(body)).status).toBe(400);
    expect(busyMs()).toBeLessThan(SOON_MS);
  });

  it.each([
    ['selections', '{a'.repeat(40_000)],
    ['lists', `{ me(a: ${'['.repeat(20_000)}`],
    ['objects', `{ me(a: ${'{a:'.repeat(20_000)}`],
    ['list types', `query ($a: ${'['.repeat(20_000)}`],
    ['lists within the tokens', `{ me(a: ${'['.repeat(450)}${']'.repeat(450)}) { id } }`],
    [
      'lists of a type within the tokens',
      `query ($a: ${'['.repeat(450)}Int${']'.repeat(450)}) { __typename }`,
    ],
  ])('of a document’s %s', async (_what, query) => {
    await refused(query);
  });

  it('of a JSON literal within the tokens', async () => {
    const { accessToken: token } = await registerAdmin(app);
    const query = `mutation { createUser(input: { email: "deep@example.com", password: "${PASSWORD}", appMetadata: { a: ${'['.repeat(440)}${']'.repeat(440)} } }) { __typename } }`;
    const { data, errors } = await app.gql(query, {}, { token });
    expect(errors ?? data.createUser.__typename).toBeDefined();
    expect((await app.gql('{ __typename }')).data.__typename).toBe('Query');
  });
});

it.each([
  ['two of one name', 'query a { __typename } query a { __typename }', 'a'],
  ['two and no name', 'query a { __typename } query b { __typename }', undefined],
  ['a nameless one beside another', '{ __typename } query b { __typename }', 'b'],
  ['none of that name', 'query a { __typename }', 'b'],
  ['none at all', 'fragment F on Query { __typename }', undefined],
  ['an empty document', ' ', undefined],
  ['a type definition', 'type X { a: Int } { __typename }', undefined],
])(
  'G22: of several operations it is clear which is meant: %s',
  async (_what, query, operationName) => {
    const answer = (await (await app.post({ query, operationName })).json()) as Answer;
    expect(answer.data ?? null).toBeNull();
    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  },
);

it.each(['text/event-stream', 'multipart/mixed', 'application/json'])(
  'G25: a subscription is refused to whoever accepts %s',
  async (accept) => {
    const response = await app.post({ query: 'subscription { x }' }, { headers: { accept } });
    const { data, errors } = (await response.json()) as Answer;
    expect(data ?? null).toBeNull();
    expect(errors?.length).toBeGreaterThan(0);
  },
);

it('G26: nobody can register a document under a hash, nor run one by it', async () => {
  const persistedQuery = { version: 1, sha256Hash: 'a'.repeat(64) };
  for (const query of [undefined, '{ __typename }']) {
    const response = await app.post({ query, extensions: { persistedQuery } });
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain('"data"');
  }
});

it.each([
  ['defer', '{ ... @defer { __typename } }'],
  ['defer under a label', '{ me { id ... @defer(label: "x") { email } } }'],
  ['stream', '{ me { sessions @stream(initialCount: 0) { id } } }'],
])('G27: @%s is refused', async (_what, query) => {
  await refused(query);
  const headers = { accept: 'multipart/mixed' };
  const response = await app.post({ query }, { headers });
  expect(response.status).toBe(406);
});

describe('G31: amounts of a list', () => {
  it.each([101, 99_999_999, 2_147_483_647, 0, -1, -2_147_483_648])('of %i', async (first) => {
    const { accessToken: token } = await registerAdmin(app);
    for (const field of ['admin { users', 'admin { auditEvents', 'me { auditEvents']) {
      const query = `{ ${field}(first: ${first}) { edges { cursor } } } }`;
      const { errors } = await app.gql(query, {}, { token });
      expect(errors?.[0]?.extensions.code, field).toBe('BAD_USER_INPUT');
    }
  });

  it.each(['2147483648', '1e3', '"100"', '1.5', '99999999999999999999'])('of %s', async (first) => {
    await refused(`{ admin { users(first: ${first}) { edges { cursor } } } }`);
  });

  it.each(['', ' ', "' or 1=1", '%00', 'A'.repeat(22), 'A'.repeat(50_000), '{}'])(
    'after %j',
    async (after) => {
      const { accessToken: token } = await registerAdmin(app);
      const query =
        'query ($after: String) { admin { users(after: $after) { edges { cursor } } } }';
      const { data, errors } = await app.gql(query, { after }, { token });
      const page = data?.admin?.users;
      expect(errors?.[0]?.extensions.code ?? page.edges).toEqual(
        errors === undefined ? expect.any(Array) : 'BAD_USER_INPUT',
      );
    },
  );
});

it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
  'G32: %s is a name like any other that nobody knows',
  async (name) => {
    const email = `${newName()}@example.com`;
    const body = `{"query":"mutation ($input: RegisterInput!) { register(input: $input) { __typename } }","variables":{"${name}":{"role":"ADMIN"},"input":{"email":"${email}","password":"${PASSWORD}","${name}":{"role":"ADMIN"}}}}`;
    const answer = (await (await app.post(body)).json()) as Answer;
    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(await refused(`{ ${name} }`)).not.toMatch(/password|token/);
    expect(({} as Record<string, unknown>).role).toBeUndefined();
  },
);

it('G32: a name of the prototype is taken for no mutation of ours', async () => {
  const said = await refused('mutation { a: constructor b: toString }');
  expect(said).toContain('Cannot query field');
});

it('G33: one request costs the database no more than its ten fields', async () => {
  const { accessToken: token } = await registerUser(app);
  const query = `{ ${times(11, (i) => `a${i}: me { id }`)} }`;
  const { data, errors } = await app.gql(query, {}, { token });
  expect(data ?? null).toBeNull();
  expect(errors?.[0]?.message).toContain('MAX_ROOT_FIELDS');
});

describe('what strangers send once is not kept', () => {
  const MEGABYTE = 1_000_000;
  /** How much memory is still held after 100 requests of 95 kB. */
  async function heldAfter(document: (i: number) => string): Promise<number> {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const send = (i: number) => app.post({ query: document(i) });
    for (let i = 0; i < 20; i++) await send(i);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 20; i < 120; i++) await send(i);
    collect();
    return process.memoryUsage().heapUsed - before;
  }

  it('of sound documents', async () => {
    const held = await heldAfter((i) => `{ __typename } # ${i} ${'x'.repeat(95_000)}`);
    expect(held).toBeLessThan(4 * MEGABYTE);
  });

  it('of documents with a mistake', async () => {
    const held = await heldAfter((i) => `{ __typename # ${i} ${'x'.repeat(95_000)}`);
    expect(held).toBeLessThan(4 * MEGABYTE);
  });

  it('of documents that are refused', async () => {
    const held = await heldAfter((i) => `{ nothing${i} } # ${'x'.repeat(95_000)}`);
    expect(held).toBeLessThan(4 * MEGABYTE);
  });
});
