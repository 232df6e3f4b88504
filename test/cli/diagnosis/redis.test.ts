import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRedis, judgeRedis } from '../../../src/cli/diagnosis/redis.ts';
import { loadConfig } from '../../../src/config.ts';
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts';

const check = (url?: string) =>
  checkRedis(loadConfig({ AUTH_SECRET: 'x'.repeat(32), ...(url && { REDIS_URL: url }) }));

const finding = (status: string, words: string) => [
  expect.objectContaining({ check: 'redis', status, message: expect.stringMatching(words) }),
];

it('says who counts where there is no Redis', async () => {
  expect(await check()).toEqual(finding('ok', 'in the database'));
  expect(await checkRedis(null)).toEqual([]);
});

it('names a Redis that is not there, or silent, in time and without its password', async () => {
  const gone = await check('redis://:the-password@127.0.0.1:1');
  expect(gone).toEqual(finding('broken', 'Nothing listens at 127.0.0.1:1'));
  expect(JSON.stringify(gone)).not.toContain('the-password');
  expect(await check('redis://nowhere.invalid')).toEqual(finding('broken', 'There is no host'));
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const started = performance.now();
  const { port } = server.address() as AddressInfo;
  expect(await check(`redis://127.0.0.1:${port}`)).toEqual(finding('broken', 'no answer in time'));
  expect(performance.now() - started).toBeLessThan(4000);
  server.close();
});

it('knows a Redis that lets in nobody but its own machine', async () => {
  const denials = ['closed', 'reset'] as const;
  for (const denial of denials) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('-DENIED Redis is running in protected mode\r\n');
      if (denial === 'closed') socket.end();
      else socket.once('data', () => socket.resetAndDestroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [found] = await check(`redis://127.0.0.1:${port}`);
    expect([found]).toEqual(finding('broken', 'It closes connections'));
    expect(found?.mend).toContain('protected mode');
    server.close();
  }
});

it('judges versions and what happens when it is full', () => {
  const facts = { server: 'Redis 7.2.4', version: '7.2.4', evictionPolicy: 'noeviction' };
  expect(judgeRedis(facts)).toEqual(finding('ok', 'Redis 7.2.4 counts'));
  const old = { ...facts, server: 'Redis 4.0.14', version: '4.0.14' };
  expect(judgeRedis(old)).toEqual(finding('broken', 'Redis 4.0.14; the oldest'));
  const lossy = { ...facts, evictionPolicy: 'allkeys-lru' };
  expect(judgeRedis(lossy)).toEqual(finding('warning', 'allkeys-lru'));
  // of a service in a cloud that lets nobody ask
  const silent = { server: undefined, version: undefined, evictionPolicy: undefined };
  expect(judgeRedis(silent)).toEqual(finding('ok', 'It counts'));
});

describe.skipIf(!HAS_REDIS)('asks a Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.kill());

  async function run(...commands: string[][]): Promise<void> {
    const client = await createClient({ url: server.url }).connect();
    for (const command of commands) await client.sendCommand(command);
    client.destroy();
  }
  const as = (user: string) => server.url.replace('//', `//${user}@`);

  it('that is well', async () => {
    expect(await check(server.url)).toEqual(finding('ok', '^(Redis|Valkey) \\d+\\.\\d+.* counts'));
  });

  it('that forgets when it is full, or is full', async () => {
    await run(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']);
    expect(await check(server.url)).toEqual(finding('warning', 'allkeys-lru'));
    await run(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
    await run(['CONFIG', 'SET', 'maxmemory', '1']);
    expect(await check(server.url)).toEqual(finding('broken', 'It is full'));
    await run(['CONFIG', 'SET', 'maxmemory', '0']);
  });

  it('that does not let us in, or not run the script; with the rights it names it does', async () => {
    expect(await check(as('nobody:wrong'))).toEqual(finding('broken', 'refuses the user'));
    await run(['ACL', 'SETUSER', 'weak', 'on', '>right', '+ping']);
    const [refusal] = await check(as('weak:right'));
    expect([refusal]).toEqual(finding('broken', 'may not run the script'));
    const rights = refusal?.mend?.split('ACL SETUSER ... ')[1]?.split(' ') ?? [];
    await run(['ACL', 'SETUSER', 'weak', ...rights]);
    expect(await check(as('weak:right'))).toEqual(finding('ok', 'It counts'));
  });

  it('that is a replica', async () => {
    await run(['REPLICAOF', '127.0.0.1', '1']);
    expect(await check(server.url)).toEqual(finding('broken', 'It is a replica'));
    await run(['REPLICAOF', 'NO', 'ONE']);
  });
});
