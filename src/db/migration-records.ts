import type { Connection } from 'mysql2/promise';
import { driverError } from './failure.ts';
import { explained } from './migration-error.ts';
import { retrying } from './retry.ts';
import { askInTime } from './timely-query.ts';

const NO_SUCH_TABLE = 1146;

/** How far a migration has come in a database. */
export interface MigrationRecord {
  hash: string;
  statementsDone: number;
  finished: boolean;
  /** The server rejected the next statement; otherwise it is unknown whether that has run. */
  failed: boolean;
}

export type MigrationRecords = Map<string, MigrationRecord>;

export async function readRecords(connection: Connection): Promise<MigrationRecords> {
  try {
    const [rows] = await askInTime(connection, {
      sql: 'SELECT tag, hash, statements_done, finished_at IS NOT NULL, failure IS NOT NULL FROM schema_migrations',
      rowsAsArray: true,
    });
    const records = rows as [string, string, number, number, number][];
    return new Map(
      records.map(([tag, hash, statementsDone, finished, failed]) => [
        tag,
        { hash, statementsDone, finished: finished === 1, failed: failed === 1 },
      ]),
    );
  } catch (error) {
    if (driverError(error)?.errno === NO_SUCH_TABLE) return new Map();
    throw explained(error, 'The table schema_migrations could not be read');
  }
}

export async function createRecords(connection: Connection): Promise<void> {
  await retrying(() =>
    connection.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      tag varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      hash char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      statements_done int NOT NULL,
      failure text CHARACTER SET utf8mb4,
      finished_at datetime(3)
    )`),
  );
}

export async function recordStart(connection: Connection, tag: string, hash: string) {
  await retrying(() =>
    askInTime(connection, {
      sql: `INSERT INTO schema_migrations (tag, hash, statements_done) VALUES (?, ?, 0)
        ON DUPLICATE KEY UPDATE hash = ?, failure = NULL`,
      values: [tag, hash, hash],
    }),
  );
}

export async function recordStatement(connection: Connection, tag: string, statementsDone: number) {
  await askInTime(connection, {
    sql: 'UPDATE schema_migrations SET statements_done = ? WHERE tag = ?',
    values: [statementsDone, tag],
  });
}

export async function recordFailure(connection: Connection, tag: string, message: string) {
  await retrying(() =>
    askInTime(connection, {
      sql: 'UPDATE schema_migrations SET failure = ? WHERE tag = ?',
      values: [message, tag],
    }),
  );
}

export async function recordFinish(connection: Connection, tag: string) {
  await retrying(() =>
    askInTime(connection, {
      sql: 'UPDATE schema_migrations SET finished_at = UTC_TIMESTAMP(3) WHERE tag = ?',
      values: [tag],
    }),
  );
}
