import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idBytes, newName, registerUser } from '../support/account.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const LIMIT = 4;
const ENV = { RATE_LIMIT: 'on', RATE_LIMITS: `login=${LIMIT}/15`, LOGIN_ATTEMPT_LIMIT: '1000' };
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';

/** How a guess is sent: from which socket, with which headers. */
type Way = (i: number) => { from: string; headers?: Record<string, string> };

/** Sends twice as many guesses as the limit, each at another account. @returns how many were let through */
async function letThrough(app: TestApp, way: Way): Promise<number> {
  let passed = 0;
  for (let i = 0; i < 2 * LIMIT; i++) {
    const variables = { input: { identifier: newName(), password: 'a guess' } };
    const response = await app.post({ query: LOGIN, variables }, way(i));
    const { errors } = (await response.json()) as Answer;
    if (errors === undefined) passed++;
    else expect(errors[0]?.extensions.code).toBe('RATE_LIMITED');
  }
  return passed;
}

async function recordedAddress(app: TestApp, headers: Record<string, string>, from: string) {
  const user = await registerUser(app);
  const variables = { input: { identifier: user.email, password: user.password } };
  await app.post({ query: LOGIN, variables }, { from, headers });
  const [row] = await runSql<{ ip_address: string }>(
    app.databaseUrl,
    "select ip_address from audit_events where type = 'LOGIN_SUCCEEDED' and user_id = ?",
    [idBytes(user.id)],
  );
  return row?.ip_address;
}

const SPOOFED: [string, (i: number) => Record<string, string>][] = [
  ['X-Forwarded-For', (i) => ({ 'x-forwarded-for': `198.51.100.${i}` })],
  ['a list in X-Forwarded-For', (i) => ({ 'x-forwarded-for': `198.51.100.${i}, 198.51.101.${i}` })],
  ['X-Real-IP', (i) => ({ 'x-real-ip': `198.51.100.${i}` })],
  ['Forwarded', (i) => ({ forwarded: `for="[2001:db8::${i}]"` })],
  ['True-Client-IP', (i) => ({ 'true-client-ip': `198.51.100.${i}` })],
  ['CF-Connecting-IP', (i) => ({ 'cf-connecting-ip': `198.51.100.${i}` })],
  ['X-Client-IP', (i) => ({ 'x-client-ip': `198.51.100.${i}` })],
  ['X-Forwarded-Host', (i) => ({ 'x-forwarded-host': `${i}.example.com` })],
];

let last = 0;
const newNetwork = () => `10.3.${++last}`;

describe('B4: without trusted proxies', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ env: ENV });
  });
  afterAll(() => app.close());

  it.each(SPOOFED)('%s does not make another client', async (_header, headers) => {
    const from = `${newNetwork()}.1`;
    expect(await letThrough(app, (i) => ({ from, headers: headers(i) }))).toBe(LIMIT);
  });

  it.each(SPOOFED)('%s is not what goes on record', async (_header, headers) => {
    const from = `${newNetwork()}.1`;
    expect(await recordedAddress(app, headers(7), from)).toBe(from);
  });

  const ipv6 = () => `2001:db8:${(++last).toString(16)}:${last.toString(16)}`;
  it.each<[string, (prefix: string, i: number) => string]>([
    ['another end', (prefix, i) => `${prefix}::${(i + 1).toString(16)}`],
    ['all of its groups', (prefix, i) => `${prefix}:a${i}:b${i}:c${i}:d${i}`],
    [
      'another spelling',
      (prefix, i) => (i % 2 === 0 ? `${prefix}::1` : `${prefix}:0:0:0:1`.toUpperCase()),
    ],
    ['a zone', (prefix, i) => `${prefix}::1%eth${i}`],
    ['a dotted end', (prefix, i) => `${prefix}::192.0.2.${i}`],
  ])('B3: an IPv6 address with %s is of the same /64', async (_what, address) => {
    const prefix = ipv6();
    expect(await letThrough(app, (i) => ({ from: address(prefix, i) }))).toBe(LIMIT);
  });

  it('B3: IPv4 and the same address as IPv6 are one client', async () => {
    const network = newNetwork();
    const ways = [`${network}.9`, `::ffff:${network}.9`, `::FFFF:${network}.9`];
    expect(await letThrough(app, (i) => ({ from: ways[i % 3] ?? '' }))).toBe(LIMIT);
  });

  it('B3: IPv4 addresses within IPv6 are not all one client', async () => {
    const network = newNetwork();
    expect(await letThrough(app, (i) => ({ from: `::ffff:${network}.${i}` }))).toBe(2 * LIMIT);
  });
});

describe('B4: with one trusted proxy', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ env: { ...ENV, TRUSTED_PROXIES: '1' } });
  });
  afterAll(() => app.close());

  it('what the client wrote before the proxy did does not make another client', async () => {
    const network = newNetwork();
    const way: Way = (i) => ({
      from: '10.0.0.1',
      headers: { 'x-forwarded-for': `198.51.100.${i}, 203.0.113.${i},${network}.2` },
    });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });

  it('clients behind the proxy are told apart', async () => {
    const network = newNetwork();
    const way: Way = (i) => ({
      from: '10.0.0.1',
      headers: { 'x-forwarded-for': `${network}.${i}` },
    });
    expect(await letThrough(app, way)).toBe(2 * LIMIT);
  });

  it.each(SPOOFED.slice(2))('%s counts for nothing', async (_header, headers) => {
    const client = { 'x-forwarded-for': `${newNetwork()}.5` };
    const way: Way = (i) => ({ from: '10.0.0.1', headers: { ...client, ...headers(i) } });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });

  it('an address that is none is not believed', async () => {
    const from = `${newNetwork()}.1`;
    const junk = (i: number) => ['x', '', '1.2.3', `${i}`, 'unknown', `_${i}`, "';--", '999.1.1.1'];
    const way: Way = (i) => ({ from, headers: { 'x-forwarded-for': junk(i)[i % 8] ?? '' } });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });

  it('what goes on record is what the proxy saw', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.77', 'x-real-ip': '1.2.3.4' };
    expect(await recordedAddress(app, headers, '10.0.0.1')).toBe('203.0.113.77');
  });
});

describe('B4: with listed proxies', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({
      env: { ...ENV, TRUSTED_PROXIES: '10.0.0.0/24, 2001:db8:ffff::/48' },
    });
  });
  afterAll(() => app.close());

  it('who comes past them does not make another client by any header', async () => {
    const from = `${newNetwork()}.1`;
    const way: Way = (i) => ({ from, headers: { 'x-forwarded-for': `198.51.100.${i}, 10.0.0.7` } });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });

  it('what the client wrote is not reached, through a chain of them either', async () => {
    const network = newNetwork();
    const way: Way = (i) => ({
      from: i % 2 === 0 ? '10.0.0.1' : '2001:db8:ffff::1',
      headers: { 'x-forwarded-for': `198.51.100.${i}, ${network}.3, 10.0.0.${i}` },
    });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });

  it('an address that is none ends the chain', async () => {
    const way: Way = (i) => ({
      from: '10.0.0.9',
      headers: { 'x-forwarded-for': `198.51.100.${i}, nonsense` },
    });
    expect(await letThrough(app, way)).toBe(LIMIT);
  });
});
