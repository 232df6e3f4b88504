import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { inject } from 'vitest';
import { connectionOptions } from '../../src/db/connection.ts';

/** The URL of a new database on the tests' server; the service creates it. */
export function newDatabaseUrl(serverUrl = inject('databaseUrl')): string {
  const url = new URL(serverUrl);
  url.pathname = `/latchkey_test_${randomBytes(6).toString('hex')}`;
  return url.toString();
}

/** Runs SQL directly, as an operator would. */
export async function runSql<Row = Record<string, unknown>>(
  databaseUrl: string,
  sql: string,
  values: (string | number | Buffer | Date | null)[] = [],
): Promise<Row[]> {
  const connection = await createConnection({
    ...connectionOptions(databaseUrl, () => ''),
    timezone: 'Z',
  });
  try {
    const [rows] = await connection.query(sql, values);
    return rows as Row[];
  } finally {
    await connection.end();
  }
}

/** Creates an empty database, for tests that do not need the service's tables. */
export async function createDatabase(databaseUrl: string): Promise<void> {
  const server = new URL(databaseUrl);
  const name = server.pathname.slice(1);
  server.pathname = '/mysql';
  await runSql(server.toString(), `create database ${name}`);
}

export async function dropDatabase(databaseUrl: string): Promise<void> {
  const { database } = connectionOptions(databaseUrl, () => '');
  await runSql(databaseUrl, `drop database if exists \`${database}\``);
}

/** Whether an `UPDATE` is running in a database. It takes long only while another transaction holds the row. */
export async function isUpdating(databaseUrl: string): Promise<boolean> {
  // not information_schema.processlist: MySQL fails to read it while a statement contains binary data
  const processes = await runSql<{ db: string | null; State: string | null }>(
    databaseUrl,
    'show processlist',
  );
  const { database } = connectionOptions(databaseUrl, () => '');
  return processes.some(({ db, State }) => db === database && State?.toLowerCase() === 'updating');
}
