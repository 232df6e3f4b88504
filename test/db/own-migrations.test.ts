import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startChild } from '../support/child.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));

const urls: string[] = [];
afterEach(async () => {
  for (const url of urls.splice(0)) await dropDatabase(url);
});

function newDatabase(): string {
  const url = newDatabaseUrl();
  urls.push(url);
  return url;
}

/** Every column, index and procedure there is. */
async function structureOf(url: string): Promise<unknown[]> {
  const queries = [
    'select table_name, column_name, column_type, extra from information_schema.columns where table_schema = database() order by 1, 2',
    'select table_name, index_name, seq_in_index, column_name from information_schema.statistics where table_schema = database() order by 1, 2, 3',
    'select routine_name, routine_definition, security_type from information_schema.routines where routine_schema = database() order by 1',
  ];
  return Promise.all(queries.map((query) => runSql(url, query)));
}

it('killed again and again, our own migrations end in what they end in undisturbed', async () => {
  const [killed, undisturbed] = [newDatabase(), newDatabase()];
  const log = () => {};
  const connection = connectionOptions(undisturbed, () => '');
  await migrate({ connection, folder: FOLDER, log });
  let kills = 0;
  for (let finished = false; !finished; ) {
    const child = startChild('run-migrate.ts', [killed, FOLDER]);
    await Promise.any([child.line('Applying'), child.line('Continuing'), child.exited]);
    await sleep(kills * kills * 20);
    child.kill('SIGKILL');
    await child.exited;
    finished = child.lines.some((line) => line.startsWith('applied'));
    if (!finished) kills++;
  }
  expect(kills).toBeGreaterThan(0);
  expect(await structureOf(killed)).toEqual(await structureOf(undisturbed));
}, 120_000);

it('makes registrations that waited among the users unconfirmed accounts, and changes no others', async () => {
  const url = newDatabase();
  const before = mkdtempSync(join(tmpdir(), 'latchkey-migrations-'));
  cpSync(FOLDER, before, { recursive: true });
  const journalFile = join(before, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(journalFile, 'utf8'));
  const entries = journal.entries.filter(({ idx }: { idx: number }) => idx < 5);
  writeFileSync(journalFile, JSON.stringify({ ...journal, entries }));
  const connection = connectionOptions(url, () => '');
  const log = () => {};
  await migrate({ connection, folder: before, log });
  for (const [email, pending] of [
    ['Waiting@example.com', 'Waiting@example.com'],
    ['moving@example.com', 'moved@example.com'],
    ['settled@example.com', null],
    ['spelled@example.com', 'Spelled@example.com'],
  ] as const) {
    await runSql(
      url,
      `insert into users (id, email, email_key, pending_email, role, status, app_metadata, created_at, updated_at)
       values (random_bytes(16), ?, ?, ?, 'USER', 'ACTIVE', '{}', utc_timestamp(3), utc_timestamp(3))`,
      [email, email, pending],
    );
  }
  await migrate({ connection, folder: FOLDER, log });
  const query = 'select email, pending_email from users order by email_key';
  expect(await runSql(url, query)).toEqual([
    { email: 'Waiting@example.com', pending_email: null },
    { email: 'moving@example.com', pending_email: 'moved@example.com' },
    { email: 'settled@example.com', pending_email: null },
    { email: 'spelled@example.com', pending_email: 'Spelled@example.com' },
  ]);
  rmSync(before, { recursive: true });
});
