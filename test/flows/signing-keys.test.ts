import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JWK,
  jwtVerify,
} from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { decrypt } from '../../src/crypto/cipher.ts';
import {
  createSigningKeys,
  listKeys,
  retireKey,
  rotateKeys,
} from '../../src/flows/signing-keys.ts';
import { listen } from '../../src/http/listen.ts';
import { openServices, type Services } from '../../src/services.ts';
import { isSignedIn, refresh, registerUser, storedValues } from '../support/account.ts';
import { createTestApp, TEST_SECRET, type TestApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CLAIMS = {
  userId: '01890a5d-ac96-774b-bcce-b302099a8057',
  sessionId: '01890a5d-ac96-774b-bcce-b302099a8058',
  role: 'USER',
  amr: ['pwd'],
  authenticatedAt: new Date(0),
  app: {},
};

function configOf(databaseUrl: string, env: Record<string, string> = {}): Config {
  return loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: TEST_SECRET,
    ARGON2_MEMORY: '8',
    ARGON2_PASSES: '1',
    SIGNING_KEY_ROTATION_DAYS: '1',
    ...env,
  });
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid ?? '';

/** Has one instance sign, and says whether another takes the token. */
async function sign({ deps }: Services): Promise<string> {
  return (await deps.accessTokens.sign(CLAIMS, 'id', deps.now())).token;
}

async function takes({ deps }: Services, token: string): Promise<boolean> {
  return (await deps.accessTokens.verify(token, deps.now())) !== null;
}

describe('signing keys of several instances', () => {
  let databaseUrl: string;
  let clock: TestClock;
  let open: Services[];

  beforeEach(() => {
    databaseUrl = newDatabaseUrl();
    clock = createTestClock();
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((services) => services.close()));
    await dropDatabase(databaseUrl);
  });

  async function start(env: Record<string, string> = {}): Promise<Services> {
    const services = await openServices(configOf(databaseUrl, env), { now: clock.now });
    open.push(services);
    return services;
  }

  it('are one key when ten of them start together on an empty database', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => start()));
    const tokens = await Promise.all(instances.map(sign));
    expect(new Set(tokens.map(kidOf)).size).toBe(1);
    for (const instance of instances) {
      for (const token of tokens) expect(await takes(instance, token)).toBe(true);
    }
    expect(await runSql(databaseUrl, 'select id from signing_keys')).toHaveLength(1);
    const events = "select id from audit_events where type = 'SIGNING_KEY_CREATED'";
    expect(await runSql(databaseUrl, events)).toHaveLength(1);
  });

  it('are one key whenever another instance makes it in between', async () => {
    // the service with a shared secret makes no keys of its own, and so leaves the table empty
    const hs256 = { JWT_ALGORITHM: 'HS256', JWT_SECRET: TEST_SECRET };
    const [one, other] = [await start(hs256), await start(hs256)];
    const keysOf = ({ deps }: Services) =>
      createSigningKeys({ ...deps, config: configOf(databaseUrl) });
    for (let statement = 1; statement <= 4; statement++) {
      await runSql(databaseUrl, 'delete from signing_keys');
      const [slow, fast] = [keysOf(one), keysOf(other)];
      const restore = afterStatement(one, statement, () => fast.refresh());
      await slow.refresh();
      restore();
      await fast.refresh();
      const kids = [(await slow.signing()).kid, (await fast.signing()).kid];
      expect(kids[0], `after statement ${statement}`).toBe(kids[1]);
      expect(await runSql(databaseUrl, 'select id from signing_keys')).toHaveLength(1);
    }
  });

  it('rotate: a key is published before it signs, stays while its tokens live, and goes then', async () => {
    const early = await start();
    const late = await start();
    const ttl = 15 * MINUTE;
    const cached = 5 * MINUTE;
    const signedBy: string[] = [];
    let living: { token: string; at: number }[] = [];
    const published: { at: number; kids: string[] }[] = [];
    const first = kidOf(await sign(early));
    let elapsed = 0;
    for (const at of timesAroundRotations(2.2)) {
      // one instance reads the keys at the last moment, the other had read them a step before
      await late.signingKeys.refresh();
      clock.advance(at - elapsed);
      elapsed = at;
      await early.signingKeys.refresh();
      const jwks = await early.signingKeys.publicKeys();
      published.push({ at, kids: jwks.map((jwk) => jwk.kid ?? '') });
      for (const [signer, reader] of [
        [early, late],
        [late, early],
      ] as const) {
        const token = await sign(signer);
        living.push({ token, at });
        signedBy.push(kidOf(token));
        expect(await takes(reader, token), `at ${at} s`).toBe(true);
        // a verifier that fetched the key set five minutes ago, as its max-age allows, knows the key
        const fetched = published.findLast((set) => set.at <= at - cached);
        if (fetched) expect(fetched.kids, `at ${at} s`).toContain(kidOf(token));
      }
      living = living.filter((signed) => signed.at > at - ttl);
      for (const { token } of living) {
        expect((await takes(early, token)) && (await takes(late, token)), `at ${at} s`).toBe(true);
      }
      const [oldest] = living;
      const keySet = createLocalJWKSet({ keys: jwks });
      await jwtVerify(oldest?.token ?? '', keySet, { currentDate: clock.now() });
    }
    expect(new Set(signedBy).size).toBe(3);
    expect(await runSql(databaseUrl, 'select id from signing_keys')).toHaveLength(3);
    const withFirst = published.filter(({ kids }) => kids.includes(first)).map(({ at }) => at);
    expect(Math.max(...withFirst)).toBeGreaterThanOrEqual(DAY + ttl);
    expect(Math.max(...withFirst)).toBeLessThanOrEqual(DAY + ttl + cached + MINUTE);
    // never more than the one that signs with the next or the previous one
    expect(Math.max(...published.map(({ kids }) => kids.length))).toBe(2);
  });

  it('publish a late key first too, after the service was down for a month', async () => {
    const before = await start();
    const kid = kidOf(await sign(before));
    clock.advance(31 * DAY);
    const after = await start();
    expect(kidOf(await sign(after))).toBe(kid);
    expect((await after.signingKeys.publicKeys()).map((jwk) => jwk.kid)).toHaveLength(2);
    clock.advance(12 * HOUR);
    const token = await sign(after);
    expect(kidOf(token)).not.toBe(kid);
    await before.signingKeys.refresh();
    expect(await takes(before, token)).toBe(true);
  });

  it('die with their tokens when they are retired, remembered signatures too', async () => {
    const one = await start();
    const other = await start();
    const [leaked = ''] = (await listKeys(one.deps)).map(({ kid }) => kid);
    const token = await sign(one);
    expect([await takes(one, token), await takes(other, token)]).toEqual([true, true]);
    expect(await retireKey(one.deps, leaked)).toBe('needed');
    expect(await retireKey(one.deps, 'no-such-key')).toBe('unknown');

    const next = await rotateKeys(one.deps, true);
    expect(await retireKey(one.deps, leaked)).toBe('needed');
    await Promise.all([one.signingKeys.refresh(), other.signingKeys.refresh()]);
    clock.advance(60);
    const successor = await sign(one);
    expect(kidOf(successor)).toBe(next.kid);
    expect(await retireKey(one.deps, leaked)).toBe('retired');
    expect(await retireKey(one.deps, leaked)).toBe('unknown');
    for (const instance of [one, other]) {
      await instance.signingKeys.refresh();
      expect(await takes(instance, token)).toBe(false);
      expect(await takes(instance, successor)).toBe(true);
      expect((await instance.signingKeys.publicKeys()).map((jwk) => jwk.kid)).toEqual([next.kid]);
    }
  });

  it('are rotated by hand to the key that is told, also when an instance makes one at the same moment', async () => {
    const one = await start();
    const other = await start();
    const restore = afterStatement(one, 1, async () => void (await rotateKeys(other.deps, false)));
    const told = await rotateKeys(one.deps, true);
    restore();
    const kids = (await listKeys(one.deps)).map(({ kid }) => kid);
    expect(kids).toContain(told.kid);
    clock.advance(61);
    await other.signingKeys.refresh();
    expect(kidOf(await sign(other))).toBe(told.kid);
  });

  it('are gone on with for five minutes while they cannot be read, and no longer', async () => {
    const services = await start();
    const token = await sign(services);
    const [kid = ''] = (await listKeys(services.deps)).map((key) => key.kid);
    const read = () => services.signingKeys.publicKeys();
    const time = movableTime();
    const database = brokenDatabase(services);
    try {
      for (const age of [31, 299]) {
        time.set(age);
        expect((await read()).map((jwk) => jwk.kid)).toEqual([kid]);
        expect(kidOf(await sign(services))).toBe(kid);
        expect(await takes(services, token)).toBe(true);
      }
      time.set(301);
      // who signed it cannot be told: that is no verdict on the token
      for (const ask of [read, () => sign(services), () => takes(services, token)]) {
        await expect(ask()).rejects.toMatchObject({ cause: { message: 'away' } });
      }
      database.restore();
      expect((await read()).map((jwk) => jwk.kid)).toEqual([kid]);
      expect(await takes(services, token)).toBe(true);
    } finally {
      time.restore();
      database.restore();
    }
  });

  it('keep nobody waiting for a database that was found silent', async () => {
    const services = await start();
    const time = movableTime();
    const database = brokenDatabase(services);
    try {
      time.set(31);
      expect(await services.signingKeys.publicKeys()).toHaveLength(1);
      const answer = database.silence();
      expect(await services.signingKeys.publicKeys()).toHaveLength(1);
      expect(kidOf(await sign(services))).not.toBe('');
      answer();
      // back again, they are read again by whoever asks next
      database.restore();
      const next = await rotateKeys(services.deps, false);
      await vi.waitUntil(async () =>
        (await services.signingKeys.publicKeys()).some((jwk) => jwk.kid === next.kid),
      );
    } finally {
      time.restore();
      database.restore();
    }
  });

  it('cannot be opened without the AUTH_SECRET they were made under: the service does not start', async () => {
    await start();
    const other = { AUTH_SECRET: 'another-secret-of-more-than-32-bytes-0123456789' };
    await expect(start(other)).rejects.toThrow(/AUTH_SECRET/);
    // with both it does, whichever comes first
    const both = `${other.AUTH_SECRET},${TEST_SECRET}`;
    expect(await takes(await start({ AUTH_SECRET: both }), await sign(await start()))).toBe(true);
  });
});

/** Moments of several days, dense where something is to happen with keys that are rotated daily. */
function timesAroundRotations(days: number): number[] {
  const times: number[] = [];
  for (let day = 0; day < days; day++) {
    const dense = (from: number, to: number) => {
      for (let at = from; at <= to; at += MINUTE) times.push(day * DAY + at);
    };
    // the key that begins to sign at the turn of this day, and the one that it follows
    dense(0, 22 * MINUTE);
    times.push(day * DAY + 6 * HOUR);
    // the next one is published
    dense(12 * HOUR - MINUTE, 12 * HOUR + 2 * MINUTE);
    times.push(day * DAY + 18 * HOUR);
    dense(DAY - 6 * MINUTE, DAY - MINUTE);
  }
  return times.filter((at) => at <= days * DAY);
}

/** Runs something after the n-th statement that an instance sends. @returns what puts things right again */
function afterStatement({ database }: Services, n: number, run: () => Promise<void>): () => void {
  const { $client } = database.db as unknown as {
    $client: { query(...statement: unknown[]): Promise<unknown> };
  };
  const query = $client.query.bind($client);
  let sent = 0;
  const spy = vi.spyOn($client, 'query').mockImplementation(async (...statement) => {
    const answer = await query(...statement);
    if (++sent === n) await run();
    return answer;
  });
  return () => spy.mockRestore();
}

/** The process's own time, which says how long ago the keys were read. */
function movableTime(): { set(seconds: number): void; restore(): void } {
  const realNow = performance.now.bind(performance);
  let passed = 0;
  const timer = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + passed);
  return {
    set(seconds) {
      passed = seconds * 1000;
    },
    restore: () => timer.mockRestore(),
  };
}

/** Refuses all statements of an instance, or leaves them without an answer. */
function brokenDatabase({ database }: Services): { silence(): () => void; restore(): void } {
  const { $client } = database.db as unknown as {
    $client: { query(...statement: unknown[]): Promise<unknown> };
  };
  const refuse = () => Promise.reject(new Error('away'));
  const spy = vi.spyOn($client, 'query').mockImplementation(refuse);
  return {
    silence() {
      let answer: () => void = () => {};
      const silent = new Promise<void>((resolve) => {
        answer = resolve;
      });
      spy.mockImplementation(() => silent.then(refuse));
      return answer;
    },
    restore: () => spy.mockRestore(),
  };
}

describe('signing keys of a running service', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.close());

  const fetchKeys = async (init?: RequestInit) =>
    app.app.fetch('http://localhost:4000/.well-known/jwks.json', init);

  it('are published with what verifiers and their caches need, and nothing private', async () => {
    const response = await fetchKeys();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/jwk-set\+json\b/);
    expect(response.headers.get('cache-control')).toMatch(/\bpublic\b.*\bmax-age=300\b/);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
    const { keys } = (await response.json()) as { keys: JWK[] };
    expect(keys).toEqual([
      {
        kty: 'OKP',
        crv: 'Ed25519',
        x: expect.stringMatching(/^[\w-]{43}$/),
        kid: expect.stringMatching(/^[\w-]{43}$/),
        alg: 'EdDSA',
        use: 'sig',
      },
    ]);
    const head = await fetchKeys({ method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetchKeys({ method: 'POST', body: '{}' })).status).toBe(405);
  });

  it('are encrypted where they are stored', async () => {
    const rows = await runSql<{ id: string; private_jwk: Buffer }>(
      app.databaseUrl,
      'select id, private_jwk from signing_keys',
    );
    expect(rows).toHaveLength(1);
    const stored = await storedValues(app);
    for (const { id, private_jwk: sealed } of rows) {
      const keys = app.app.deps.keyring.keys('signing-key');
      const { d } = JSON.parse(decrypt(keys, sealed, id).toString()) as { d: string };
      expect(d).toMatch(/^[\w-]{43}$/);
      for (const secret of [Buffer.from(d), Buffer.from(d, 'base64url')]) {
        for (const { place, bytes } of stored) expect(bytes.includes(secret), place).toBe(false);
      }
    }
  });

  it('let a backend verify tokens by jose alone', async () => {
    const listener = await listen(app.app.handler, {
      host: '127.0.0.1',
      port: 0,
      securityHeaders: app.app.securityHeaders,
    });
    try {
      const base = `http://127.0.0.1:${listener.address.port}`;
      const keySet = createRemoteJWKSet(new URL(`${base}/.well-known/jwks.json`));
      const user = await registerUser(app);
      const { payload, protectedHeader } = await jwtVerify(user.accessToken, keySet, {
        issuer: 'http://localhost:4000',
        audience: 'latchkey',
        typ: 'at+jwt',
        algorithms: ['EdDSA'],
      });
      expect(payload.sub).toBe(user.id);
      expect(protectedHeader.alg).toBe('EdDSA');
      const forged = `${user.accessToken.slice(0, -4)}AAAA`;
      await expect(jwtVerify(forged, keySet)).rejects.toThrow(/signature/);
      await expect(jwtVerify(user.accessToken, keySet, { audience: 'other' })).rejects.toThrow();
    } finally {
      await listener.close();
    }
  });

  it('refuse nobody across a rotation, though nothing is restarted', async () => {
    const clock = createTestClock();
    const env = { SIGNING_KEY_ROTATION_DAYS: '1' };
    const one = await createTestApp({ clock, env });
    const other = await createTestApp({ clock, env, databaseUrl: one.databaseUrl });
    // each instance reads the keys again when it has not for half a minute of real time
    let passed = 0;
    const realNow = performance.now.bind(performance);
    const timer = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + passed);
    try {
      let { accessToken, refreshToken } = await registerUser(one, { remember: true });
      const kids = new Set([kidOf(accessToken)]);
      for (let step = 0; step < 60; step++) {
        clock.advance(45 * MINUTE - 1);
        passed += 31_000;
        const [asked, asking] = step % 2 === 0 ? [one, other] : [other, one];
        const { tokens } = await refresh(asked, refreshToken);
        ({ accessToken, refreshToken } = tokens);
        kids.add(kidOf(accessToken));
        expect(await isSignedIn(asking, accessToken), `step ${step}`).toBe(true);
        expect(await isSignedIn(asked, accessToken), `step ${step}`).toBe(true);
      }
      expect(kids.size).toBe(2);
    } finally {
      timer.mockRestore();
      await other.close();
      await one.close();
    }
  });
});

describe('a shared secret instead of signing keys', () => {
  it('publishes nothing, stores nothing, and verifies what it signed', async () => {
    const env = { JWT_ALGORITHM: 'HS256', JWT_SECRET: 'shared-secret-of-more-than-32-bytes-01234' };
    const app = await createTestApp({ env });
    const response = await app.app.fetch('http://localhost:4000/.well-known/jwks.json');
    expect(await response.json()).toEqual({ keys: [] });
    const user = await registerUser(app);
    expect(decodeProtectedHeader(user.accessToken).alg).toBe('HS256');
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    const key = new TextEncoder().encode(env.JWT_SECRET);
    await jwtVerify(user.accessToken, key, { audience: 'latchkey', algorithms: ['HS256'] });
    for (const { place, bytes } of await storedValues(app)) {
      expect(bytes.includes(env.JWT_SECRET), place).toBe(false);
    }
    expect(await runSql(app.databaseUrl, 'select id from signing_keys')).toEqual([]);
    await app.close();
  });
});
