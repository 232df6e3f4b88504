import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { type MigrateOptions, migrate } from '../../src/db/migrate.ts';
import { startChild } from '../support/child.ts';

const { database: _, ...server } = connectionOptions(inject('databaseUrl'), () => '');

let database: string;
let folder: string;
let root: Connection;
let lines: string[];

beforeEach(async () => {
  database = `latchkey_migrate_${randomUUID().slice(0, 8)}`;
  folder = mkdtempSync(join(tmpdir(), 'latchkey-migrate-'));
  root = await createConnection(server);
  lines = [];
});

afterEach(async () => {
  await root.query(`DROP DATABASE IF EXISTS ${database}`);
  await root.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes what drizzle-kit would write. */
function writeMigrations(migrations: Record<string, string[]>): void {
  mkdirSync(join(folder, 'meta'), { recursive: true });
  const entries = Object.keys(migrations).map((tag, idx) => ({ idx, tag, breakpoints: true }));
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ version: '7', entries }));
  for (const [tag, statements] of Object.entries(migrations)) {
    writeFileSync(join(folder, `${tag}.sql`), statements.join(';\n--> statement-breakpoint\n'));
  }
}

function run(options: Partial<MigrateOptions> = {}) {
  return migrate({
    connection: { ...server, database },
    folder,
    log: (line) => lines.push(line),
    ...options,
  });
}

async function read(sql: string): Promise<RowDataPacket[]> {
  await root.query(`USE ${database}`);
  const [rows] = await root.query<RowDataPacket[]>(sql);
  return rows;
}

async function tables(): Promise<string[]> {
  const rows = await read(`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = '${database}'`);
  return rows.map(({ name }) => name).sort();
}

/** As after a kill between a statement and its record: the last statement seems not to have run. */
async function forgetLastStatement(tag: string): Promise<void> {
  await read(`UPDATE schema_migrations
    SET statements_done = statements_done - 1, finished_at = NULL WHERE tag = '${tag}'`);
}

const FIRST = {
  '0000_first': ['CREATE TABLE a (id int PRIMARY KEY)', 'CREATE TABLE b (id int PRIMARY KEY)'],
};
const BOTH = { ...FIRST, '0001_second': ['ALTER TABLE a ADD COLUMN name varchar(20)'] };

test('creates the database, applies everything in order, and then only what is new', async () => {
  writeMigrations(FIRST);
  expect(await run()).toEqual({ applied: ['0000_first'] });
  expect(await tables()).toEqual(['a', 'b', 'schema_migration_lock', 'schema_migrations']);
  expect(await read('SELECT @@character_set_database AS charset')).toEqual([
    { charset: 'utf8mb4' },
  ]);
  writeMigrations(BOTH);
  expect(await run()).toEqual({ applied: ['0001_second'] });
  expect(await run()).toEqual({ applied: [] });
  expect(lines).toEqual([
    `Created the database ${database}`,
    'Applying 0000_first',
    'Applying 0001_second',
  ]);
});

test('a dry run tells what is missing and changes nothing', async () => {
  writeMigrations(BOTH);
  expect(await run({ dryRun: true })).toEqual({ applied: ['0000_first', '0001_second'] });
  await expect(tables()).rejects.toThrow(/Unknown database/);
  await run();
  expect(await run({ dryRun: true })).toEqual({ applied: [] });
});

test('ten instances that start together on nothing apply everything once', async () => {
  writeMigrations({
    ...BOTH,
    '0002_third': ["INSERT INTO a VALUES (1, 'one')", 'UPDATE a SET id = id + 1'],
  });
  const results = await Promise.all(Array.from({ length: 10 }, () => run()));
  expect(results.filter(({ applied }) => applied.length === 3)).toHaveLength(1);
  expect(results.filter(({ applied }) => applied.length === 0)).toHaveLength(9);
  expect(await read('SELECT id FROM a')).toEqual([{ id: 2 }]);
});

test('lets people go on while it waits for a long transaction on a table that it changes', async () => {
  writeMigrations(FIRST);
  await run();
  writeMigrations(BOTH);
  const [backup, person] = await Promise.all([
    createConnection({ ...server, database }),
    createConnection({ ...server, database }),
  ]);
  await backup.query('START TRANSACTION');
  await backup.query('SELECT * FROM a');
  const migrating = run();
  const waits: number[] = [];
  for (const end = performance.now() + 4500; performance.now() < end; await sleep(100)) {
    const startedAt = performance.now();
    await person.query('SELECT * FROM a');
    waits.push(performance.now() - startedAt);
  }
  expect(Math.max(...waits)).toBeGreaterThan(500);
  expect(Math.max(...waits)).toBeLessThan(3000);
  await backup.query('COMMIT');
  expect(await migrating).toEqual({ applied: ['0001_second'] });
  expect(lines).toContain('Waiting for whoever uses a table that 0001_second changes');
  await Promise.all([backup.end(), person.end()]);
}, 30_000);

test('locks no rows but those that it changes', async () => {
  writeMigrations(FIRST);
  await run();
  await read('INSERT INTO a VALUES (1), (2)');
  const slow = 'UPDATE a SET id = 3 WHERE id + 0 = 3 OR (id = 2 AND SLEEP(2) = 1)';
  writeMigrations({ ...FIRST, '0001_second': [slow] });
  const migrating = run();
  await sleep(1000);
  const startedAt = performance.now();
  await read('UPDATE a SET id = 0 WHERE id = 1');
  expect(performance.now() - startedAt).toBeLessThan(500);
  expect(await migrating).toEqual({ applied: ['0001_second'] });
});

test('a database that has everything is not locked', async () => {
  writeMigrations(FIRST);
  await run();
  writeMigrations({ ...FIRST, '0001_slow': ['DO SLEEP(2)'] });
  const slow = run();
  await sleep(300);
  writeMigrations(FIRST);
  const startedAt = Date.now();
  expect(await run()).toEqual({ applied: [] });
  expect(Date.now() - startedAt).toBeLessThan(1_000);
  expect(await slow).toEqual({ applied: ['0001_slow'] });
});

test('killed again and again at any moment, it still does everything once', async () => {
  const steps = Array.from({ length: 20 }, (_, index) => [
    `ALTER TABLE a ADD COLUMN c${index} int`,
    `INSERT INTO log VALUES (${index})`,
  ]);
  writeMigrations({ ...FIRST, '0001_long': ['CREATE TABLE log (step int)', ...steps.flat()] });
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/${database}`;
  let kills = 0;
  for (const finished = { value: false }; !finished.value; ) {
    const child = startChild('run-migrate.ts', [url.href, folder]);
    await Promise.any([child.line('Applying'), child.line('Continuing'), child.exited]);
    await sleep(kills * 7);
    child.kill('SIGKILL');
    await child.exited;
    finished.value = child.lines.some((line) => line.startsWith('applied'));
    if (!finished.value) kills++;
  }
  expect(kills).toBeGreaterThan(3);
  expect(await read('SELECT step FROM log ORDER BY step')).toEqual(
    steps.map((_, step) => ({ step })),
  );
  expect(await run()).toEqual({ applied: [] });
}, 60_000);

describe('a statement that ran without having been recorded does no harm:', () => {
  const PARENT = ['CREATE TABLE p (id int PRIMARY KEY)', 'CREATE TABLE c (id int, p_id int)'];
  test.each([
    ['CREATE TABLE', 'CREATE TABLE extra (id int)'],
    ['ADD COLUMN', 'ALTER TABLE c ADD COLUMN extra int'],
    ['CREATE INDEX', 'CREATE INDEX c_p ON c (p_id)'],
    ['ADD PRIMARY KEY', 'ALTER TABLE c ADD PRIMARY KEY (id)'],
    ['ADD FOREIGN KEY', 'ALTER TABLE c ADD CONSTRAINT c_fk FOREIGN KEY (p_id) REFERENCES p (id)'],
    ['DROP COLUMN', 'ALTER TABLE c DROP COLUMN p_id'],
    ['DROP TABLE', 'DROP TABLE c'],
    ['RENAME COLUMN', 'ALTER TABLE c RENAME COLUMN p_id TO parent_id'],
    ['CHANGE', 'ALTER TABLE c CHANGE p_id parent_id bigint'],
    ['RENAME TABLE', 'ALTER TABLE c RENAME TO d'],
    ['MODIFY', 'ALTER TABLE c MODIFY p_id bigint NOT NULL'],
  ])('%s', async (_, statement) => {
    writeMigrations({ '0000_first': [...PARENT, statement] });
    await run();
    await forgetLastStatement('0000_first');
    expect(await run()).toEqual({ applied: ['0000_first'] });
    expect(lines.at(-1)).toBe('Continuing 0000_first after statement 2');
  });
});

describe('a statement that fails', () => {
  const FAILING = { '0000_first': [...FIRST['0000_first'], 'CREATE TABLE a (id int)'] };

  test('is reported with its place and reason, however often it is tried', async () => {
    writeMigrations(FAILING);
    for (const _ of [1, 2]) {
      await expect(run()).rejects.toMatchObject({
        code: 'FAILED',
        message: expect.stringMatching(
          /^Statement 3 of migration 0000_first failed: .*'a' already/,
        ),
      });
    }
    expect(await read('SELECT statements_done, finished_at FROM schema_migrations')).toEqual([
      { statements_done: 2, finished_at: null },
    ]);
  });

  test('can be corrected in the file when it was the first', async () => {
    writeMigrations({ '0000_first': ['CREATE TABEL a (id int)'] });
    await expect(run()).rejects.toThrow(/Statement 1 of migration 0000_first/);
    writeMigrations(FIRST);
    expect(await run()).toEqual({ applied: ['0000_first'] });
  });

  test('leaves no part of a change of rows', async () => {
    writeMigrations({ ...FIRST, '0001_rows': ['INSERT INTO a VALUES (1), (2), (1)'] });
    await expect(run()).rejects.toMatchObject({ code: 'FAILED' });
    expect(await read('SELECT * FROM a')).toEqual([]);
  });
});

test('a file that was changed after it was applied is refused', async () => {
  writeMigrations(FIRST);
  await run();
  writeMigrations({ '0000_first': ['CREATE TABLE a (id bigint PRIMARY KEY)'] });
  await expect(run()).rejects.toMatchObject({
    code: 'CHANGED',
    message: expect.stringContaining('0000_first'),
  });
  // Line ends of another system are not a change.
  writeMigrations(FIRST);
  writeFileSync(
    join(folder, '0000_first.sql'),
    FIRST['0000_first'].join(';\n--> statement-breakpoint\n').replaceAll('\n', '\r\n'),
  );
  expect(await run()).toEqual({ applied: [] });
});

test('a database that a newer version has migrated is fine, and mentioned', async () => {
  writeMigrations(BOTH);
  await run();
  writeMigrations(FIRST);
  expect(await run()).toEqual({ applied: [] });
  expect(lines.at(-1)).toBe('The database is newer than this version: it has 0001_second');
});

test('an existing database of another character set is refused with the remedy', async () => {
  await root.query(`CREATE DATABASE ${database} CHARACTER SET latin1`);
  writeMigrations(FIRST);
  const error = await run().catch((reason: Error) => reason);
  expect(error).toMatchObject({ code: 'CHARSET' });
  const remedy = /ALTER DATABASE.*$/.exec(String(error))?.[0] ?? '';
  await root.query(remedy);
  expect(await run()).toEqual({ applied: ['0000_first'] });
});

describe('an instance on another server of a cluster, whose locks are not seen here,', () => {
  const leave = (server: string, seconds: number) =>
    read(`UPDATE schema_migration_lock SET holder = 'other', server = ${server},
      expires_at = UTC_TIMESTAMP(3) + INTERVAL ${seconds} SECOND`);

  beforeEach(async () => {
    writeMigrations(FIRST);
    await run();
    writeMigrations(BOTH);
  });

  test('is waited for', async () => {
    await leave("'another:3306'", 2);
    const startedAt = Date.now();
    expect(await run()).toEqual({ applied: ['0001_second'] });
    expect(Date.now() - startedAt).toBeGreaterThan(1_500);
  });

  test('is not waited for when it was on this server, which knows that it has ended', async () => {
    await leave("CONCAT(@@hostname, ':', @@port, ':', @@datadir)", 60);
    expect(await run()).toEqual({ applied: ['0001_second'] });
  });

  test('may take over from one that seems dead, which then stops', async () => {
    const takeOver = "UPDATE schema_migration_lock SET holder = 'other'";
    writeMigrations({ ...FIRST, '0001_taken': ['DO 1', takeOver, 'CREATE TABLE c (id int)'] });
    await expect(run()).rejects.toMatchObject({ code: 'LOCKED' });
    expect(await tables()).not.toContain('c');
  });
});

describe('a user who may only read and write rows', () => {
  const password = randomUUID();
  let user: string;

  beforeEach(async () => {
    user = `app_${randomUUID().slice(0, 8)}`;
    await root.query(`CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`);
    await root.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${user}@'%'`);
  });

  afterEach(async () => {
    await root.query(`DROP USER ${user}@'%'`);
  });

  const runAsUser = () => run({ connection: { ...server, database, user, password } });

  test('starts on a database that has everything', async () => {
    writeMigrations(FIRST);
    await run();
    expect(await runAsUser()).toEqual({ applied: [] });
  });

  test.each([
    ['nothing exists', async () => {}],
    [
      'the database is empty',
      () => root.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`),
    ],
    ['a migration is missing', () => run()],
  ])('is told which command to run when %s', async (_, prepare) => {
    writeMigrations(FIRST);
    await prepare();
    writeMigrations(BOTH);
    await expect(runAsUser()).rejects.toMatchObject({
      code: 'RIGHTS',
      message: expect.stringContaining('npm run cli -- migrate'),
    });
  });
});
