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
