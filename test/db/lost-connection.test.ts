import { eq, sql } from 'drizzle-orm';
import { int, mysqlTable } from 'drizzle-orm/mysql-core';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type Database, type Db, openDatabase, transaction } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { createDatabase, dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';
import { startHalfOpenServer } from '../support/half-open-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const counters = mysqlTable('counters', { id: int('id').primaryKey(), value: int('value') });

const url = newDatabaseUrl();
let proxy: TcpProxy & { databaseUrl: string };
let database: Database;

beforeAll(async () => {
  await createDatabase(url);
  await runSql(url, 'create table counters (id int primary key, value int)');
  proxy = await startTcpProxy(url);
  const connection = connectionOptions(proxy.databaseUrl, () => '');
  database = openDatabase({ connection, connections: 2, timeoutMs: 1000 });
});
beforeEach(async () => {
  await runSql(url, 'replace into counters values (1, 0)');
  await database.db.execute(sql`select 1`);
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await dropDatabase(url);
});

const valueNow = async () =>
  (await runSql<{ value: number }>(url, 'select value from counters'))[0];
const add = (db: Db) =>
  db
    .update(counters)
    .set({ value: sql`${counters.value} + 1` })
    .where(eq(counters.id, 1));

/** Cuts the cable once what matches has been sent, and mends it again. */
async function cuttingAfter(pattern: RegExp, work: () => Promise<unknown>): Promise<unknown> {
  proxy.cutAfter(pattern);
  const refused = proxy.refused();
  const mending = setInterval(() => proxy.refused() > refused && proxy.restore(), 5);
  try {
    return await work().then(
      () => 'done',
      (error: unknown) => error,
    );
  } finally {
    clearInterval(mending);
    proxy.restore();
  }
}

it('runs a transaction again whose connection was lost before its commit', async () => {
  let runs = 0;
  const outcome = await cuttingAfter(/last words/, () =>
    transaction(database.db, async (tx) => {
      runs++;
      await add(tx);
      if (runs === 1) await tx.execute(sql`select 'last words'`);
    }),
  );
  expect(outcome).toBe('done');
  expect(runs).toBe(2);
  expect(await valueNow()).toEqual({ value: 1 });
});

it('never runs a transaction again whose commit may have happened, and says so', async () => {
  let runs = 0;
  const outcome = await cuttingAfter(/commit/, () =>
    transaction(database.db, async (tx) => {
      runs++;
      await add(tx);
    }),
  );
  expect(outcome).toMatchObject({ cause: { code: 'OUTCOME_UNKNOWN', retryAfter: 2 } });
  expect(runs).toBe(1);
  // it did happen, and once
  await expect.poll(valueNow).toEqual({ value: 1 });
});

it('runs a read again by itself, and a single write not', async () => {
  const read = () => database.db.execute(sql`select 'last words' as said`);
  expect(await cuttingAfter(/last words/, read)).toBe('done');
  const write = () => database.db.execute(sql`update counters set value = value + 1 /* last */`);
  const outcome = await cuttingAfter(/last \*\//, write);
  expect(outcome).toMatchObject({ cause: { code: 'UNAVAILABLE' } });
  await expect.poll(valueNow).toEqual({ value: 0 });
});

const read = () => database.db.execute(sql`select 1`);

/** Has both connections open, and then nothing come over them any more. */
async function silence(): Promise<void> {
  await Promise.all([read(), read()]);
  expect(database.connections()).toMatchObject({ used: 0, idle: 2 });
  proxy.blackHole();
}

it('keeps nobody in line who has been answered', async () => {
  await silence();
  const reads = Array.from({ length: 300 }, () => database.db.execute(sql`select 1 as one`));
  const outcomes = await Promise.allSettled(reads);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  expect(database.connections().waiting).toBe(0);
  proxy.restore();
  // who comes now is the first
  await read();
});

it('gives up what lay idle while another connection fell silent, and not each after a wait of its own', async () => {
  const quiet = openDatabase({
    connection: connectionOptions(proxy.databaseUrl, () => ''),
    connections: 5,
    timeoutMs: 500,
  });
  // nobody can tell what became of a write, so none is tried on one connection after the other
  const write = () => quiet.db.execute(sql`delete from counters where id = -1`);
  await Promise.all(Array.from({ length: 5 }, write));
  expect(quiet.connections().idle).toBe(5);
  proxy.forget();
  await expect(write()).rejects.toMatchObject({ cause: { code: 'UNAVAILABLE' } });
  await write();
  expect(quiet.connections()).toMatchObject({ used: 0, idle: 1 });
  await quiet.close();
});

it('has all its connections again after transactions that could not begin', async () => {
  await silence();
  const writes = Array.from({ length: 6 }, () => transaction(database.db, add));
  for (const { status } of await Promise.allSettled(writes)) expect(status).toBe('rejected');
  proxy.restore();
  await transaction(database.db, (tx) =>
    // beside the one of the transaction
    Promise.all([add(tx), read()]),
  );
  expect(await valueNow()).toEqual({ value: 1 });
});

it('closes although an answer is outstanding that never comes', async () => {
  const connection = connectionOptions(proxy.databaseUrl, () => '');
  const closing = openDatabase({ connection, connections: 2, timeoutMs: 500 });
  const read = closing.db.execute(sql`select sleep(20)`);
  const isUnderWay = async () =>
    (await runSql<{ Info: string | null }>(url, 'show processlist')).some(
      ({ Info }) => Info === 'select sleep(20)',
    );
  await vi.waitUntil(isUnderWay);
  proxy.blackHole();
  await Promise.all([closing.close(), expect(read).rejects.toThrow()]);
  proxy.restore();
});

it('keeps no process that is done with a server which fell silent', async () => {
  const server = await startHalfOpenServer(url);
  const connection = { ...connectionOptions(url, () => ''), ...server.place };
  delete connection.socketPath;
  const closing = openDatabase({ connection, connections: 2, timeoutMs: 500 });
  const sleeps = [1, 2].map(() => closing.db.execute(sql`select sleep(0.1)`));
  await Promise.all(sleeps);
  server.fallSilent();
  // these alone keep a process
  const held = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap');
  const before = held().length;
  await closing.close();
  expect(held()).toHaveLength(before - 2);
  await server.stop();
});

it('leaves no connection behind', () => {
  const { used, waiting } = database.connections();
  expect({ used, waiting }).toEqual({ used: 0, waiting: 0 });
});
