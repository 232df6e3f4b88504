import { hash as argon2Hash } from 'argon2';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { idBytes, isSignedIn, logIn, newName, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { processorWatch } from '../support/processor-time.ts';

const CONCURRENCY = 2;
const QUEUE = 20;

let app: TestApp;
let running = 0;
let most = 0;
beforeAll(async () => {
  app = await createTestApp({
    // big enough that a flood is one, small enough for a busy machine
    env: {
      ARGON2_MEMORY: '8192',
      HASH_CONCURRENCY: String(CONCURRENCY),
      HASH_QUEUE: String(QUEUE),
      // on a busy machine so many may wait longer for one of ten connections than production lets them
      DATABASE_TIMEOUT: '60',
    },
    overrides: {
      passwords: (hasher) => ({
        ...hasher,
        async verify(hash, password) {
          most = Math.max(most, ++running);
          return hasher.verify(hash, password).finally(() => running--);
        },
      }),
    },
  });
});
afterAll(() => app.close());

const guess = (identifier = newName()) => logIn(app, { identifier, password: 'a guess' });

describe('D2: five hundred sign-ins at the same moment', () => {
  it('take bounded memory, are answered OVERLOADED beyond the queue, and leave the rest of the service quick', async () => {
    const owner = await registerUser(app);
    const before = process.memoryUsage().rss;
    let rss = before;
    const sampling = setInterval(() => {
      rss = Math.max(rss, process.memoryUsage().rss);
    }, 5);
    const flood = Promise.all(Array.from({ length: 500 }, () => guess()));
    const waits: number[] = [];
    let isOver = false;
    flood.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      const started = performance.now();
      const response = await app.app.fetch('http://localhost:4000/health');
      expect(response.status).toBe(200);
      await new Promise((resolve) => setImmediate(resolve));
      waits.push(performance.now() - started);
    }
    const answers = await flood;
    clearInterval(sampling);
    const refused = answers.filter(({ errors }) => errors !== undefined);
    for (const { errors } of refused) {
      const { code, retryAfter } = errors[0].extensions;
      expect(code).toBe('OVERLOADED');
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThan(60);
    }
    const checked = answers.filter(({ code }) => code === 'INVALID_CREDENTIALS');
    expect(checked.length + refused.length).toBe(500);
    expect(checked.length).toBeGreaterThan(QUEUE);
    expect(refused.length).toBeGreaterThan(100);
    // five hundred hashes of 8 MiB at once would be 4 GB
    expect(rss - before).toBeLessThan(500_000_000);
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(250);
    expect(await isSignedIn(app, owner.accessToken)).toBe(true);
  });

  it('and afterwards everything is as it was', async () => {
    const owner = await registerUser(app);
    expect((await logIn(app, { identifier: owner.email })).__typename).toBe('LoginSuccess');
    const pending = 'select count(*) as n from attempt_counters where pending > 0';
    expect(await runSql(app.databaseUrl, pending)).toEqual([{ n: 0 }]);
  });
});

it('D2: who waits for a connection in vain is told to come again, as one who waits for a hash is', async () => {
  const few = await createTestApp({ env: { DATABASE_TIMEOUT: '1', DATABASE_CONNECTIONS: '1' } });
  const holder = await createConnection(connectionOptions(few.databaseUrl, () => ''));
  try {
    await holder.query('lock tables users write');
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => logIn(few, { identifier: newName() })),
    );
    // the one that had the connection waited for the server's answer in vain, and perhaps one more in the rest of the time
    const waited = answers.filter(({ errors }) => errors[0].extensions.code === 'OVERLOADED');
    expect(waited.length).toBeGreaterThanOrEqual(2);
    for (const { errors } of waited) expect(errors[0].extensions.retryAfter).toBe(1);
  } finally {
    await holder.end();
    await few.close();
  }
});

it('D2: a flood of registrations is bounded likewise', async () => {
  const answers = await Promise.all(
    Array.from({ length: 60 }, () =>
      app.gql(
        `mutation { register(input: { email: "${newName()}@example.com", password: "four words in a row" }) { __typename } }`,
      ),
    ),
  );
  const codes = answers.map(
    ({ data, errors }) => errors?.[0]?.extensions.code ?? data.register.__typename,
  );
  expect(new Set(codes)).toEqual(new Set(['RegisterSuccess', 'OVERLOADED']));
});

it('D1: a password of 90 kB is refused before anything is hashed, in no time', async () => {
  const { email } = await registerUser(app);
  for (const field of [
    `login(input: { identifier: "${email}", password: $p }) { __typename }`,
    `register(input: { email: "${newName()}@example.com", password: $p }) { __typename }`,
  ]) {
    most = 0;
    const busyMs = processorWatch();
    const variables = { p: 'é'.repeat(40_000) };
    const { data } = await app.gql(`mutation ($p: String!) { r: ${field} }`, variables);
    expect(busyMs()).toBeLessThan(500);
    expect(data.r.__typename).toMatch(/InvalidCredentials|InvalidInput/);
    expect(most).toBe(0);
  }
});

it('D1: a password that grows by normalisation is not hashed at its new length unbounded', async () => {
  const { email } = await registerUser(app);
  // each of these becomes three code points in NFC
  const password = '\u{1d160}'.repeat(128);
  const busyMs = processorWatch();
  const answer = await logIn(app, { identifier: email, password });
  expect(answer.code).toBe('INVALID_CREDENTIALS');
  expect(busyMs()).toBeLessThan(2000);
});

describe('D3: a stored hash with an absurd cost', () => {
  it.each([
    ['8 GiB of memory', (hash: string) => hash.replace(/m=\d+/, 'm=8388608')],
    ['a billion passes', (hash: string) => hash.replace(/t=\d+/, 't=1000000000')],
    ['many lanes', (hash: string) => hash.replace(/p=\d+/, 'p=16777215')],
    ['a number that overflows', (hash: string) => hash.replace(/m=\d+/, 'm=4294967297')],
    ['a repeated parameter', (hash: string) => hash.replace(/t=\d+/, 'm=8388608')],
    ['a parameter too many', (hash: string) => hash.replace(/p=\d+/, 'p=1,m=8388608')],
    ['a negative number', (hash: string) => hash.replace(/t=\d+/, 't=-1')],
    ['no memory at all', (hash: string) => hash.replace(/m=\d+/, 'm=0')],
    ['another version', (hash: string) => hash.replace('v=19', 'v=16')],
    ['2^31 rounds of bcrypt', () => `$2b$31$${'a'.repeat(53)}`],
    ['99 rounds of bcrypt', () => `$2b$99$${'a'.repeat(53)}`],
  ])('with %s is refused and not computed', async (_what, plant) => {
    const user = await registerUser(app);
    const hash = await argon2Hash(user.password, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    const planted = plant(hash);
    expect(planted).not.toBe(hash);
    const sql = 'update users set password_hash = ? where id = ?';
    await runSql(app.databaseUrl, sql, [planted, idBytes(user.id)]);
    const busyMs = processorWatch();
    const answer = await logIn(app, { identifier: user.email });
    expect(busyMs()).toBeLessThan(2000);
    expect(answer.code).toBe('INVALID_CREDENTIALS');
  });
});
