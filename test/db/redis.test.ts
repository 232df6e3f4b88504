import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type Redis } from '../../src/db/redis.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts';

const until = (condition: () => boolean | Promise<boolean>) =>
  expect.poll(condition, { timeout: 15_000, interval: 20 }).toBe(true);

const newKey = () => randomBytes(16);
const silent = { lost: () => undefined, back: () => undefined };

/** What an outage was told of. */
function listener() {
  const told: string[] = [];
  return { told, lost: () => told.push('lost'), back: () => told.push('back') };
}

it('that takes connections and stays silent keeps nobody waiting', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outage = listener();
  const redis = await openRedis(`redis://127.0.0.1:${port}`, outage);
  expect(outage.told).toEqual(['lost']);
  expect(await redis.hit(newKey(), 60_000, 1000)).toBeNull();
  // each try ends, so that another can be made, and none is left behind
  await until(() => sockets.size === 0);
  await until(() => sockets.size === 1);
  await redis.close();
  await until(() => sockets.size === 0);
  server.close();
});

if (!HAS_REDIS) {
  process.stderr.write('\n*** redis-server is missing: Redis is NOT tested. Install it. ***\n\n');
}

it.each(['+OK', '$-1', ':0', ':-7', '+QUEUED', '*0'])(
  'that answers %s to everything counts nothing, and is no better than none',
  async (reply) => {
    // each command of the protocol is a list, and the first line of a list begins so
    const server = createServer((socket) => {
      socket.on('data', (said) => {
        for (const _ of String(said).match(/^\*\d+\r$/gm) ?? []) socket.write(`${reply}\r\n`);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const outage = listener();
    const redis = await openRedis(`redis://127.0.0.1:${port}`, outage);
    expect(await redis.hit(newKey(), 60_000, 1000)).toBeNull();
    expect(redis.isUp()).toBe(false);
    expect(outage.told).toEqual(['lost']);
    await redis.close();
    server.close();
  },
);

describe.skipIf(!HAS_REDIS)('a Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    server.thaw();
    await server.kill();
  });

  it('gives each of a hundred hits at the same moment another number, from whichever instance', async () => {
    const instances = await Promise.all([
      openRedis(server.url, silent),
      openRedis(server.url, silent),
    ]);
    const key = newKey();
    const hits = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (instances[i % 2] as Redis).hit(key, 60_000, 1000)),
    );
    expect(hits.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    for (const redis of instances) await redis.close();
  });

  it('ends a window by the clock of the service, and starts another at the next hit', async () => {
    const redis = await openRedis(server.url, silent);
    const key = newKey();
    const start = Date.now();
    expect(await redis.windowEnd(key, start)).toBeNull();
    expect(await redis.hit(key, 60_000, start)).toBe(1);
    expect(await redis.hit(key, 60_000, start + 59_999)).toBe(2);
    expect(await redis.windowEnd(key, start + 59_999)).toBe(start + 60_000);
    expect(await redis.windowEnd(key, start + 60_000)).toBeNull();
    expect(await redis.hit(key, 60_000, start + 60_000)).toBe(1);
    expect(await redis.windowEnd(key, start + 60_000)).toBe(start + 120_000);
    await redis.close();
  });

  it('forgets what is over by itself', async () => {
    const redis = await openRedis(server.url, silent);
    const key = newKey();
    await redis.hit(key, 5000, Date.now());
    const { createClient } = await import('redis');
    const client = await createClient({ url: server.url }).connect();
    const ttl = await client.pTTL(`latchkey:hits:${key.toString('base64url')}`);
    expect(ttl).toBeGreaterThan(5000);
    expect(ttl).toBeLessThanOrEqual(65_000);
    await client.close();
    await redis.close();
  });

  it('that dies is answered for at once, told of once, and used again when it is back', async () => {
    const watch = listener();
    const redis = await openRedis(server.url, watch);
    expect(await redis.hit(newKey(), 1000, 0)).toBe(1);
    await server.kill();
    for (let i = 0; i < 20; i++) {
      const asked = performance.now();
      expect(await redis.hit(newKey(), 1000, 0)).toBeNull();
      expect(performance.now() - asked).toBeLessThan(1000);
    }
    expect(redis.isUp()).toBe(false);
    // some more attempts to come back
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(watch.told).toEqual(['lost']);
    await server.start();
    await until(() => redis.isUp());
    expect(watch.told).toEqual(['lost', 'back']);
    expect(await redis.hit(newKey(), 1000, 0)).toBe(1);
    await redis.close();
  });

  it('that hangs is waited for once and not by every request, and used again when it is back', async () => {
    const watch = listener();
    const redis = await openRedis(server.url, watch);
    server.freeze();
    const asked = performance.now();
    expect(await redis.hit(newKey(), 1000, 0)).toBeNull();
    expect(performance.now() - asked).toBeLessThan(2000);
    const again = performance.now();
    for (let i = 0; i < 100; i++) expect(await redis.hit(newKey(), 1000, 0)).toBeNull();
    expect(performance.now() - again).toBeLessThan(250);
    server.thaw();
    await until(() => redis.isUp());
    expect(watch.told).toEqual(['lost', 'back']);
    await redis.close();
  });

  it('that cannot count, as a replica, is no better than none', async () => {
    const { createClient } = await import('redis');
    const client = await createClient({ url: server.url }).connect();
    const watch = listener();
    const redis = await openRedis(server.url, watch);
    await client.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
    expect(await redis.hit(newKey(), 1000, 0)).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(redis.isUp()).toBe(false);
    expect(watch.told).toEqual(['lost']);
    await client.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    await until(() => redis.isUp());
    await client.close();
    await redis.close();
  });

  describe('behind the service', () => {
    let app: TestApp;
    let other: TestApp;
    const env = () => ({
      RATE_LIMIT: 'on',
      RATE_LIMITS: 'login=4/10',
      REDIS_URL: server.url,
      METRICS_PORT: '0',
    });
    beforeAll(async () => {
      app = await createTestApp({ env: env() });
      other = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock, env: env() });
    });
    afterAll(async () => {
      await other.close();
      await app.close();
    });

    const LOGIN =
      'mutation { login(input: { identifier: "nobody@example.com", password: "wrong" }) { __typename } }';
    const login = async (on: TestApp, from: string) => {
      const { errors, data } = await on.gql(LOGIN, {}, { from });
      return errors?.[0]?.extensions.code ?? data.login.__typename;
    };
    const figures = async (of: TestApp) =>
      (await of.app.metrics?.fetch('http://a/metrics'))?.text();

    it('counts for both instances, and says until when', async () => {
      const answers = [];
      for (let i = 0; i < 6; i++) answers.push(await login(i % 2 ? app : other, '198.18.9.1'));
      expect(answers.filter((answer) => answer === 'RATE_LIMITED')).toHaveLength(2);
      app.clock.advance(61);
      const { errors } = await app.gql(LOGIN, {}, { from: '198.18.9.1' });
      expect(errors?.[0]?.extensions.retryAfter).toBe(539);
      expect(await figures(app)).toMatch(/^latchkey_redis_up 1$/m);
    });

    it('still limits while it is down: the database counts', async () => {
      await server.kill();
      const answers = [];
      for (let i = 0; i < 6; i++) answers.push(await login(i % 2 ? app : other, '198.18.9.2'));
      expect(answers.slice(4)).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
      const { errors } = await app.gql(LOGIN, {}, { from: '198.18.9.2' });
      expect(errors?.[0]?.extensions.retryAfter).toBe(600);
      expect(await figures(app)).toMatch(/^latchkey_redis_up 0$/m);
      expect(await figures(app)).toMatch(/^latchkey_redis_fallbacks_total [1-9]/m);
      await server.start();
      await expect.poll(() => figures(app), { timeout: 15_000 }).toMatch(/^latchkey_redis_up 1$/m);
    });
  });
});

it('does not keep the service from starting when it is not there', async () => {
  // a port that nobody listens to
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const watch = listener();
  const redis = await openRedis(`redis://127.0.0.1:${port}`, watch);
  expect(await redis.hit(newKey(), 1000, 0)).toBeNull();
  expect(watch.told).toEqual(['lost']);
  await redis.close();
});
