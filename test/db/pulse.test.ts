import { connect, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import type { HostChoice } from '../../src/db/host-choice.ts';
import { createPulse } from '../../src/db/pulse.ts';
import { createDatabase, dropDatabase, newDatabaseUrl } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const url = newDatabaseUrl();
let proxy: TcpProxy & { databaseUrl: string };
let database: Database;

beforeAll(async () => {
  await createDatabase(url);
  proxy = await startTcpProxy(url);
  const connection = connectionOptions(proxy.databaseUrl, () => '');
  database = openDatabase({ connection, connections: 1, timeoutMs: 4000 });
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await database.close();
  await proxy.close();
  await dropDatabase(url);
});

it('answers at once while all connections are in use', async () => {
  const busy = Array.from({ length: 3 }, () => database.db.execute(sql`select sleep(1)`));
  await database.ping();
  const first = await Promise.race([...busy, database.ping()]);
  expect(first).toBeUndefined();
  await Promise.all(busy);
});

it('is no worse for a connection that broke since the last question', async () => {
  await database.ping();
  proxy.reset();
  proxy.restore();
  await database.ping();
});

it.each(['cut', 'blackHole'] as const)(
  'fails in time while the way to the server is a %s, and not afterwards',
  async (how) => {
    await database.ping();
    proxy[how]();
    const startedAt = performance.now();
    await expect(database.ping()).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    proxy.restore();
    await database.ping();
  },
);

it('asks over one connection, however many ask at once, and where the chosen host is', async () => {
  const { host: _, port: _port, socketPath: _path, ...login } = connectionOptions(url, () => '');
  const opened: Socket[] = [];
  const stream = () => {
    const socket = connect(proxy.port, '127.0.0.1');
    opened.push(socket);
    return socket;
  };
  let isLeft = false;
  const choice: Pick<HostChoice, 'isLeft'> = { isLeft: () => isLeft };
  const pulse = createPulse({ ...login, stream }, choice as HostChoice);
  await Promise.all([pulse.feel(), pulse.feel(), pulse.feel()]);
  expect(opened).toHaveLength(1);
  isLeft = true;
  await pulse.feel();
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  pulse.close();
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
});
