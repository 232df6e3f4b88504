import { eq, sql } from 'drizzle-orm';
import { datetime, int, mysqlTable, varchar } from 'drizzle-orm/mysql-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  affectedRows,
  type Database,
  type Db,
  openDatabase,
  transaction,
} from '../../src/db/client.ts';
import { uuid } from '../../src/db/columns.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { isDuplicateKey } from '../../src/db/failure.ts';
import { builtOnce, placeholder } from '../../src/db/prepared-query.ts';
import { retrying } from '../../src/db/retry.ts';
import { RequestError } from '../../src/errors.ts';
import { createDatabase, dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';

const things = mysqlTable('things', {
  id: int('id').primaryKey(),
  name: varchar('name', { length: 40 }),
  owner: uuid('owner'),
  at: datetime('at', { mode: 'date', fsp: 3 }),
});

const url = newDatabaseUrl();
const opened: Database[] = [];
let db: Db;

function open(options: { connections?: number; timeoutMs?: number } = {}): Database {
  const connection = connectionOptions(url, () => '');
  const database = openDatabase({ connection, connections: 4, timeoutMs: 5000, ...options });
  opened.push(database);
  return database;
}

beforeAll(async () => {
  await createDatabase(url);
  await runSql(
    url,
    `create table things (id int primary key, name varchar(40), owner binary(16), at datetime(3),
      unique key things_name_unique (name))`,
  );
  db = open().db;
});
beforeEach(async () => {
  await db.delete(things);
  await db.insert(things).values([
    { id: 1, name: 'one' },
    { id: 2, name: 'two' },
    { id: 3, name: 'three' },
  ]);
});
afterAll(async () => {
  for (const database of opened) await database.close();
  await dropDatabase(url);
});

const nameOf = async (id: number) =>
  (await db.select({ name: things.name }).from(things).where(eq(things.id, id)))[0]?.name;

const rename = (on: Db, id: number, name: string) =>
  on.update(things).set({ name }).where(eq(things.id, id));

it('runs a transaction again that the server broke off as a deadlock', async () => {
  const runs = { forth: 0, back: 0 };
  let arrived = 0;
  let go: () => void = () => {};
  const bothHoldARow = new Promise<void>((resolve) => {
    go = resolve;
  });
  const cross = (way: 'forth' | 'back', first: number, second: number) =>
    transaction(db, async (tx) => {
      runs[way]++;
      await rename(tx, first, `${way} ${first}`);
      if (++arrived === 2) go();
      await bothHoldARow;
      await rename(tx, second, `${way} ${second}`);
    });
  await Promise.all([cross('forth', 1, 2), cross('back', 2, 1)]);
  expect(Object.values(runs).sort()).toEqual([1, 2]);
  // the one that was broken off came last, and did all of its work
  const last = runs.forth === 2 ? 'forth' : 'back';
  expect([await nameOf(1), await nameOf(2)]).toEqual([`${last} 1`, `${last} 2`]);
});

it('gives up on a deadlock that will not go away, and on any other error at once', async () => {
  const attempts = async (
    error: Error,
    again: typeof transaction | typeof retrying,
    told: unknown = error,
  ) => {
    let count = 0;
    const work = () => {
      count++;
      return Promise.reject(error);
    };
    const run = again === transaction ? transaction(db, work) : retrying(work);
    await expect(run).rejects.toEqual(told);
    return count;
  };
  const deadlock = Object.assign(new Error('wrapped'), {
    cause: Object.assign(new Error(), { errno: 1213 }),
  });
  const other = Object.assign(new Error(), { errno: 1146 });
  const busy = new RequestError('OVERLOADED', { retryAfter: 1, cause: deadlock });
  expect(await attempts(deadlock, transaction, busy)).toBe(6);
  expect(await attempts(deadlock, retrying, busy)).toBe(6);
  expect(await attempts(other, transaction)).toBe(1);
  expect(await attempts(new Error('none of the driver'), retrying)).toBe(1);
});

it('undoes a transaction whose work throws, and says what it threw', async () => {
  const thrown = new Error('thrown by the work');
  const work = transaction(db, async (tx) => {
    await rename(tx, 1, 'undone');
    throw thrown;
  });
  await expect(work).rejects.toBe(thrown);
  expect(await nameOf(1)).toBe('one');
});

it('sees in a transaction what others have committed meanwhile', async () => {
  await transaction(db, async (tx) => {
    const read = async () =>
      (await tx.select({ name: things.name }).from(things).where(eq(things.id, 1)))[0]?.name;
    expect(await read()).toBe('one');
    await runSql(url, "update things set name = 'uno' where id = 1");
    expect(await read()).toBe('uno');
  });
});

it.each([1, 2, 3, 100])('takes a limit of %d as a bound value', async (limit) => {
  const rows = await db.select().from(things).orderBy(things.id).limit(limit).offset(0);
  expect(rows).toHaveLength(Math.min(limit, 3));
  const rest = await db.select().from(things).orderBy(things.id).limit(limit).offset(1);
  expect(rest).toHaveLength(Math.min(limit, 2));
  const deleted = await db.delete(things).limit(limit);
  expect(affectedRows(deleted)).toBe(Math.min(limit, 3));
});

it('keeps instants to the millisecond, in UTC, wherever the process and the server are', async () => {
  const here = process.env.TZ;
  try {
    for (const zone of ['Pacific/Auckland', 'America/St_Johns', 'UTC']) {
      process.env.TZ = zone;
      const at = new Date('2026-03-29T01:30:00.123Z');
      await db.update(things).set({ at }).where(eq(things.id, 1));
      const [row] = await runSql<{ kept: string }>(
        url,
        "select date_format(at, '%Y-%m-%d %H:%i:%s.%f') as kept from things where id = 1",
      );
      expect(row?.kept, zone).toBe('2026-03-29 01:30:00.123000');
      const [read] = await db.select({ at: things.at }).from(things).where(eq(things.at, at));
      expect(read?.at?.toISOString(), zone).toBe('2026-03-29T01:30:00.123Z');
    }
  } finally {
    if (here === undefined) delete process.env.TZ;
    else process.env.TZ = here;
  }
});

it('has the server tell the time in UTC and refuse what does not fit', async () => {
  const [rows] = await db.execute(
    sql`select @@session.time_zone as zone, @@session.sql_mode as mode`,
  );
  const [session] = rows as unknown as { zone: string; mode: string }[];
  expect(session?.zone).toBe('+00:00');
  expect(session?.mode).toContain('STRICT_ALL_TABLES');
  await expect(rename(db, 1, 'x'.repeat(41))).rejects.toThrow();
  await expect(db.execute(sql`update things set at = '0000-00-00' where id = 1`)).rejects.toThrow();
  expect(await nameOf(1)).toBe('one');
});

it('never makes SQL of an object or list that reaches a bound value', async () => {
  for (const value of [{ id: 1 }, { toString: () => '1 or 1=1' }, [1, 2], ['one', 'two'], [[1]]]) {
    const found = await db
      .select()
      .from(things)
      .where(sql`${things.name} = ${sql.param(value)}`)
      .catch(() => []);
    expect(found, JSON.stringify(value)).toEqual([]);
  }
  const evil = "one' or '1'='1";
  expect(await db.select().from(things).where(eq(things.name, evil))).toEqual([]);
});

it('tells which unique index refused, and only that', async () => {
  const refusal = async (write: Promise<unknown>) =>
    write.then(
      () => null,
      (error: unknown) => error,
    );
  const name = await refusal(db.insert(things).values({ id: 4, name: 'one' }));
  expect(isDuplicateKey(name)).toBe(true);
  expect(isDuplicateKey(name, 'things_name_unique')).toBe(true);
  expect(isDuplicateKey(name, 'name_unique')).toBe(false);
  expect(isDuplicateKey(name, 'PRIMARY')).toBe(false);
  const id = await refusal(db.insert(things).values({ id: 1, name: 'four' }));
  expect(isDuplicateKey(id, 'PRIMARY')).toBe(true);
  expect(isDuplicateKey(id, 'things_name_unique')).toBe(false);
  expect(isDuplicateKey(new Error("for key 'things_name_unique'"))).toBe(false);
});

it('counts the rows that a write matched, also where nothing changed', async () => {
  expect(affectedRows(await rename(db, 1, 'one'))).toBe(1);
  expect(affectedRows(await rename(db, 9, 'nine'))).toBe(0);
});

it('runs a query that was built once with other values, encoded as their column is', async () => {
  const owners = ['01890000-0000-7000-8000-00000000000a', '01890000-0000-7000-8000-00000000000b'];
  let built = 0;
  const byOwner = builtOnce((on) => {
    built++;
    return on
      .select()
      .from(things)
      .where(eq(things.owner, placeholder('owner', things.owner)))
      .prepare();
  });
  for (const [i, owner] of owners.entries()) {
    await db
      .update(things)
      .set({ owner })
      .where(eq(things.id, i + 1));
  }
  for (const [i, owner] of owners.entries()) {
    expect(await byOwner(db).execute({ owner })).toMatchObject([{ id: i + 1, owner }]);
  }
  expect(built).toBe(1);
  // a transaction runs its own, on its own connection
  await transaction(db, async (tx) => {
    await rename(tx, 1, 'seen only here');
    expect(await byOwner(tx).execute({ owner: owners[0] })).toMatchObject([
      { name: 'seen only here' },
    ]);
    expect(await byOwner(db).execute({ owner: owners[0] })).toMatchObject([{ name: 'one' }]);
  });
});

it('waits for a free connection no longer than it may', async () => {
  const { db: narrow } = open({ connections: 1, timeoutMs: 300 });
  await transaction(narrow, async (tx) => {
    await rename(tx, 1, 'held');
    await expect(narrow.select().from(things)).rejects.toSatisfy((error: unknown) =>
      [error, error instanceof Error ? error.cause : null].some(
        (cause) => cause instanceof RequestError && cause.code === 'OVERLOADED',
      ),
    );
  });
  // and the one who came too late holds none
  expect(await narrow.select().from(things)).toHaveLength(3);
});

it('waits for an answer no longer than it may, and takes a late one for nobody else’s', async () => {
  const { db: hasty } = open({ connections: 1, timeoutMs: 300 });
  const started = performance.now();
  await expect(hasty.execute(sql`create temporary table late select sleep(4)`)).rejects.toThrow();
  expect(performance.now() - started).toBeLessThan(3000);
  for (let i = 0; i < 3; i++) {
    const [rows] = await hasty.execute(sql`select 'mine' as answer`);
    expect(rows).toEqual([{ answer: 'mine' }]);
  }
});

it('gives a connection back after a transaction that could not be undone', async () => {
  const { db: narrow } = open({ connections: 1, timeoutMs: 1000 });
  const killed = transaction(narrow, async (tx) => {
    const [rows] = await tx.execute(sql`select connection_id() as id`);
    const [row] = rows as unknown as { id: number }[];
    await runSql(url, `kill ${row?.id}`);
    await rename(tx, 1, 'lost');
  });
  await expect(killed).rejects.toThrow();
  expect(await narrow.select().from(things)).toHaveLength(3);
  expect(await nameOf(1)).toBe('one');
});

it('leaves no locks behind for long when the network breaks silently in a transaction', async () => {
  const [rows] = await db.execute(sql`show session variables like '%_timeout'`);
  const limits = new Map(
    (rows as unknown as Record<'Variable_name' | 'Value', string>[]).map((row) => [
      row.Variable_name,
      Number(row.Value),
    ]),
  );
  const inTransaction = limits.get('idle_transaction_timeout') ?? limits.get('wait_timeout');
  expect(inTransaction).toBeGreaterThan(0);
  expect(inTransaction).toBeLessThanOrEqual(30);
});
