import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isSignedIn, logIn, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { serviceUrl } from '../support/service-user.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Entry, newEntries, type Outcome } from './support/journal.ts';

const TIMEOUT_S = 1;
const CONNECTIONS = 4;
// a wait for a connection, a statement, and taking an attempt back, each of DATABASE_TIMEOUT, and some for a busy machine
const LONGEST_MS = 3 * TIMEOUT_S * 1000 + 2000;
const INTERNAL =
  /ECONN|PROTOCOL|127\.0\.0\.1|mysql|select |insert |timeout|latchkey_test|node_modules|\.ts\b|errno/i;

// not the "read committed" that new connections are set to
const COMMIT = /[^ ]commit/i;

/** An instance that nothing is wrong with, and one whose way to the same database is broken. */
let witness: TestApp;
let proxy: TcpProxy & { databaseUrl: string };
let app: TestApp;
let hashing: (() => Promise<void>) | undefined;
const unhandled: unknown[] = [];
const noteUnhandled = (error: unknown) => unhandled.push(error);

beforeAll(async () => {
  process.on('unhandledRejection', noteUnhandled);
  witness = await createTestApp();
  proxy = await startTcpProxy(await serviceUrl(witness.databaseUrl));
  app = await createTestApp({
    databaseUrl: witness.databaseUrl,
    clock: witness.clock,
    connectTo: proxy.databaseUrl,
    env: { DATABASE_TIMEOUT: String(TIMEOUT_S), DATABASE_CONNECTIONS: String(CONNECTIONS) },
    overrides: {
      now: witness.clock.now,
      passwords: (hasher) => ({
        ...hasher,
        async verify(hash, password) {
          await hashing?.();
          return hasher.verify(hash, password);
        },
      }),
    },
  });
});
afterEach(() => {
  hashing = undefined;
  proxy.restore();
});
afterAll(async () => {
  await app.close();
  await proxy.close();
  await witness.close();
  process.off('unhandledRejection', noteUnhandled);
  expect(unhandled).toEqual([]);
});

interface Asked {
  entry: Entry;
  outcome: Outcome;
}

/** Asks for everything at once, and breaks the way to the database when the first answer is there. */
async function askWhile(
  breakIt: () => void,
  when: 'before' | 'during',
  times = 2,
): Promise<Asked[]> {
  const entries = (
    await Promise.all(Array.from({ length: times }, () => newEntries(witness)))
  ).flat();
  if (when === 'before') breakIt();
  const asking = entries.map(async (entry) => ({ entry, outcome: await entry.ask(app) }));
  if (when === 'during') {
    await Promise.race(asking);
    breakIt();
  }
  return Promise.all(asking);
}

/** A success, or an error that says nothing of what is inside, in time. */
function expectTyped({ entry: { kind }, outcome: { told, text, ms } }: Asked): void {
  expect(told, kind).toMatch(
    /^(\w+Success|User|LogoutPayload|UNAVAILABLE|OUTCOME_UNKNOWN|OVERLOADED)$/,
  );
  expect(text, kind).not.toMatch(INTERNAL);
  expect(ms, kind).toBeLessThan(LONGEST_MS);
}

const FAULTS: Record<string, () => void> = {
  'is reset': () => proxy.reset(),
  'is closed': () => proxy.cut(),
  'falls silent': () => proxy.blackHole(),
  'breaks off within the head of an answer': () => proxy.cutAfterBytes(3),
  'breaks off within an answer': () => proxy.cutAfterBytes(25),
  'breaks off after some answers': () => proxy.cutAfterBytes(900),
  'breaks off when a commit was sent, and nobody hears of it': () => proxy.cutAfter(COMMIT),
  'becomes slower than the service waits': () => proxy.slow(TIMEOUT_S * 1000 + 300),
};

describe.each(Object.entries(FAULTS))('while the way to the database %s', (_how, breakIt) => {
  it.each(['before', 'during'] as const)(
    'every answer is typed and true, and the service recovers by itself (broken %s the requests)',
    async (when) => {
      const asked = await askWhile(breakIt, when);
      for (const one of asked) expectTyped(one);
      proxy.restore();
      const reader = await registerUser(witness);
      await vi.waitUntil(() => isSignedIn(app, reader.accessToken).catch(() => false), {
        timeout: 5000,
      });
      for (const { entry, outcome } of asked) await entry.check(witness, outcome);
      expect(proxy.connections()).toBeLessThanOrEqual(CONNECTIONS);
    },
  );
});

it('answers everything while the way is slow, but not too slow', async () => {
  const asked = await askWhile(() => proxy.slow(25), 'before', 1);
  for (const { entry, outcome } of asked) {
    expect(outcome.told, entry.kind).toMatch(/Success$|^User$|^LogoutPayload$/);
    await entry.check(witness, outcome);
  }
});

it('locks no owner out by attempts that the database never heard the end of', async () => {
  const owner = await registerUser(witness);
  let waiting = 0;
  hashing = async () => {
    waiting++;
    // until all of them are counted as pending
    await vi.waitUntil(() => waiting === 5);
    proxy.blackHole();
  };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => logIn(app, { identifier: owner.email })),
  );
  for (const { errors } of answers) expect(errors).toHaveLength(1);
  hashing = undefined;
  proxy.restore();
  witness.clock.advance(30);
  for (const instance of [app, witness]) {
    expect((await logIn(instance, { identifier: owner.email })).__typename).toBe('LoginSuccess');
  }
});

it('counts no attempts that the outage prevented', async () => {
  const owner = await registerUser(witness);
  for (let outage = 0; outage < 5; outage++) {
    proxy.cut();
    const answer = await logIn(app, { identifier: owner.email });
    expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
    proxy.restore();
    await vi.waitUntil(() => isSignedIn(app, owner.accessToken).catch(() => false));
    // half done, the attempt counted and the password being checked: the rest is done on another connection
    hashing = async () => proxy.cutOne(/begin/i);
    expect((await logIn(app, { identifier: owner.email })).__typename).toBe('LoginSuccess');
    hashing = undefined;
  }
  expect((await logIn(app, { identifier: owner.email })).__typename).toBe('LoginSuccess');
});

it('takes nothing for failed, and does nothing twice, whose commit was the last that was heard', async () => {
  const entries = await newEntries(witness);
  for (const entry of entries.filter(({ kind }) => kind !== 'me' && kind !== 'refresh')) {
    proxy.cutOne(COMMIT);
    const outcome = await entry.ask(app);
    expect(outcome.told, entry.kind).toBe('OUTCOME_UNKNOWN');
    await entry.check(witness, outcome);
  }
});

it('is not ready meanwhile, alive all the time, and ready again by itself', async () => {
  const status = async (path: string) =>
    (await app.app.fetch(`http://localhost:4000${path}`)).status;
  for (const breakIt of [proxy.reset, proxy.blackHole]) {
    breakIt();
    await vi.waitUntil(async () => (await status('/ready')) === 503, { timeout: 5000 });
    expect(await status('/health')).toBe(200);
    proxy.restore();
    await vi.waitUntil(async () => (await status('/ready')) === 200, { timeout: 5000 });
  }
});

it('keeps nothing of requests that failed: neither memory nor sockets nor timers', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const user = await registerUser(witness);
  const fail = async (requests: number) => {
    for (let done = 0; done < requests; done += 100) {
      proxy.reset();
      await Promise.all(
        Array.from({ length: 100 }, () => isSignedIn(app, user.accessToken).catch(() => false)),
      );
      proxy.restore();
      await isSignedIn(app, user.accessToken).catch(() => false);
    }
    collect();
    return {
      heap: process.memoryUsage().heapUsed,
      resources: process.getActiveResourcesInfo().length,
    };
  };
  const first = await fail(200);
  const last = await fail(1000);
  // one connection may be open when the first is counted and all in the end: with both ends here, and the proxy's onward
  expect(last.resources).toBeLessThanOrEqual(first.resources + 3 * (CONNECTIONS - 1));
  // a kilobyte for each would be one
  expect(last.heap - first.heap).toBeLessThan(1_000_000);
});
