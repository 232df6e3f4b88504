import { sql } from 'drizzle-orm';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { affectedRows, type Database, openDatabase, transaction } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { failureClass } from '../../src/db/failure.ts';
import { createDatabase, dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';

const CONNECTIONS = 3;
const TIMEOUT_MS = 1000;

const url = newDatabaseUrl();
const connection = connectionOptions(url, () => '');
let database: Database;

beforeAll(async () => {
  await createDatabase(url);
  await runSql(url, 'create table numbers (n int primary key)');
  const values = Array.from({ length: 400 }, (_, n) => `(${n})`).join();
  await runSql(url, `insert into numbers values ${values}`);
  database = openDatabase({ connection, connections: CONNECTIONS, timeoutMs: TIMEOUT_MS });
});
afterAll(async () => {
  await database.close();
  await dropDatabase(url);
});

/** What the server is doing for this database. */
async function processes(): Promise<string[]> {
  const all = await runSql<{ db: string | null; Info: string | null }>(
    url,
    'show full processlist',
  );
  return all
    .filter(({ db, Info }) => db === connection.database && Info !== 'show full processlist')
    .map(({ Info }) => Info ?? '');
}

it('leaves no heap of connections in the server while a table is locked', async () => {
  const locker = await createConnection(connection);
  await locker.query('lock tables numbers write');
  const counted: number[] = [];
  try {
    const end = performance.now() + 3000;
    const ask = async (isWrite: boolean) => {
      while (performance.now() < end) {
        const statement = isWrite
          ? sql`delete from numbers where n = -1`
          : sql`select * from numbers`;
        await (isWrite
          ? transaction(database.db, (tx) => tx.execute(statement))
          : database.db.execute(statement)
        ).catch(() => undefined);
      }
    };
    const asking = Promise.all([ask(true), ask(true), ask(false), ask(false), ask(false)]);
    while (performance.now() < end) {
      counted.push((await processes()).length - 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await asking;
  } finally {
    await locker.end();
  }
  // those that the pool has, and as many that it has given up and the server will in a moment
  expect(Math.max(...counted)).toBeLessThanOrEqual(2 * CONNECTIONS);
});

it('runs a transaction again whose statement an operator has killed', async () => {
  const locker = await createConnection(connection);
  await locker.query('begin');
  await locker.query('delete from numbers where n = 7');
  const deleting = transaction(database.db, (tx) =>
    tx.execute(sql`delete from numbers where n = 7`),
  );
  const waits = async () =>
    (await runSql<{ Id: number; db: string | null; Info: string | null }>(url, 'show processlist'))
      .filter(({ db, Info }) => db === connection.database && Info?.startsWith('delete'))
      .map(({ Id }) => Id);
  await expect.poll(waits).toHaveLength(1);
  const [id] = await waits();
  await runSql(url, `kill query ${id}`);
  await locker.query('rollback');
  await locker.end();
  expect(affectedRows((await deleting) as never)).toBe(1);
});

it('has the server give up every lock before its client has', async () => {
  const [rows] = await database.db.execute(sql`show session variables like '%lock_wait_timeout'`);
  expect(rows).toEqual([
    { Variable_name: 'innodb_lock_wait_timeout', Value: '1' },
    { Variable_name: 'lock_wait_timeout', Value: '1' },
  ]);
});

it('has the server give up a long read by itself, and tells that it took too long', async () => {
  const heavy = sql`select count(*) as found from numbers a, numbers b, numbers c, numbers d
    where a.n + b.n + c.n + d.n = -1`;
  const failure = await database.db.execute(heavy).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(failure).toMatchObject({ cause: { code: 'UNAVAILABLE', mayRunAgain: true } });
  expect(failure && failureClass(failure)).toBe('timeout');
  await expect.poll(processes).not.toContainEqual(expect.stringContaining('count(*)'));
});
