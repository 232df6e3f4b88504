import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { connectionOptions } from '../../src/db/connection.ts';
import { migrate } from '../../src/db/migrate.ts';
import { MIGRATIONS } from '../../src/db/migration-files.ts';
import { SESSION_SETTINGS } from '../../src/db/session-settings.ts';

type Text = RowDataPacket & Record<string, string>;

/** The result of migrating an empty database, as text. */
export interface SchemaText {
  /** The version of the server that wrote it: other versions write it differently. */
  readonly version: string;
  readonly sql: string;
}

const VERSION = 'select version() as version';

/**
 * Migrates a database and returns its schema as text. Migrating takes most of a second, and hundreds of tests need their
 * own database, so each gets a copy of this one.
 *
 * @param url the URL of a database that does not exist yet; it is dropped at the end
 */
export async function writeSchema(url: string): Promise<SchemaText> {
  const options = connectionOptions(url, () => '');
  await migrate({ connection: options, folder: MIGRATIONS, log: () => undefined });
  const connection = await createConnection(options);
  const ask = async (sql: string) => (await connection.query<Text[]>(sql))[0];
  try {
    const tables = (await ask('show tables')).map((row) => Object.values(row)[0] ?? '');
    const procedures = await ask('show procedure status where db = database()');
    const made = [
      ...tables.map((table) => `show create table \`${table}\``),
      ...procedures.map(({ Name }) => `show create procedure \`${Name}\``),
    ];
    const statements: string[] = [];
    for (const sql of made) {
      const [row] = await ask(sql);
      statements.push(row?.['Create Table'] ?? row?.['Create Procedure'] ?? '');
    }
    for (const table of tables) {
      for (const row of await ask(`select * from \`${table}\``)) {
        statements.push(connection.format('insert into ?? set ?', [table, row]));
      }
    }
    const [server] = await ask(VERSION);
    return { version: server?.version ?? '', sql: statements.join(';\n') };
  } finally {
    await connection.query(`drop database \`${options.database}\``);
    await connection.end();
  }
}

/** Creates a database from the output of `writeSchema`, unless it exists already, as it does for a test's child processes. */
export async function copySchema(url: string, schema: () => SchemaText): Promise<void> {
  const options = connectionOptions(url, () => '');
  const { database, hosts: _, ...server } = options;
  const connection = await createConnection({ ...server, multipleStatements: true });
  try {
    const [found] = await connection.query<Text[]>('show databases like ?', [database]);
    if (found.length > 0) return;
    const { version, sql } = schema();
    const [[own]] = await connection.query<Text[]>(VERSION);
    if (own?.version !== version) {
      await migrate({ connection: options, folder: MIGRATIONS, log: () => undefined });
      return;
    }
    const create = `create database \`${database}\` character set utf8mb4 collate utf8mb4_unicode_ci`;
    await connection.query(
      `${SESSION_SETTINGS}; ${create}; use \`${database}\`; set foreign_key_checks = 0;\n${sql}`,
    );
  } finally {
    await connection.end();
  }
}
