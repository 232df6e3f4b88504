import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, createConnection, type ResultSetHeader } from 'mysql2/promise';
import { waitAtMost } from '../deadlines.ts';
import { breakOff } from './break-off.ts';
import type { DatabaseConnection } from './connection.ts';
import { driverError, failureClass } from './failure.ts';
import { writableHost } from './host-choice.ts';
import { explained, MigrationError } from './migration-error.ts';
import {
  changesRowsOnly,
  type Migration,
  readMigrations,
  wasDoneBefore,
} from './migration-files.ts';
import { type MigrationLock, takeMigrationLock } from './migration-lock.ts';
import {
  createRecords,
  type MigrationRecord,
  type MigrationRecords,
  readRecords,
  recordFailure,
  recordFinish,
  recordStart,
  recordStatement,
} from './migration-records.ts';
import { retrying } from './retry.ts';
import { ISOLATION, SESSION_SETTINGS } from './session-settings.ts';
import { askInTime } from './timely-query.ts';

// shorter than the service's own statement timeout: statements queue behind a change that waits for a table
const TABLE_LOCK_WAIT_SECONDS = 2;
const TABLE_LOCK_REST_MS = 5000;
const TABLE_LOCK_PATIENCE_MS = 60_000;
// a cluster without a primary elects a new one within this time
const HOST_WAIT_MS = 15_000;
const GOODBYE_MS = 1000;
const NO_SUCH_DATABASE = 1049;
const NO_RIGHT_ON_DATABASE = 1044;

export interface MigrateOptions {
  connection: DatabaseConnection;
  /** drizzle-kit's output folder. */
  folder: string;
  /** Receives one line per event worth reporting. */
  log: (line: string) => void;
  /** Only report what would be applied. */
  dryRun?: boolean;
}

/**
 * Applies the migrations that the database does not have yet, and creates the database if need be.
 *
 * Any number of instances may call this at the same time. Since a change of tables cannot be rolled back, every
 * statement is recorded when it is done, and an interrupted migration continues from there. A database that is up to
 * date is only read, not locked.
 *
 * @returns the tags of the migrations that this call applied, or would apply with `dryRun`
 * @throws {MigrationError}
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const migrations = readMigrations(options.folder);
  const connection = await connect(options);
  if (connection === null) return { applied: migrations.map(({ tag }) => tag) };
  try {
    const pending = pendingMigrations(migrations, await readRecords(connection), options.log);
    if (pending.length > 0 && !options.dryRun) {
      return { applied: await applyLocked(connection, migrations, pending, options) };
    }
    return { applied: pending.map(({ tag }) => tag) };
  } finally {
    await hangUp(connection);
  }
}

/** Closes the connection in an orderly way, but does not wait long for a silent server. */
async function hangUp(connection: Connection): Promise<void> {
  await waitAtMost(
    GOODBYE_MS,
    connection.end().catch(() => undefined),
  );
  breakOff(connection);
}

/** `null` when the database does not exist and this is a dry run. */
async function connect(options: MigrateOptions): Promise<Connection | null> {
  const { database } = options.connection;
  const { database: _, ...server } = await writableHost(options.connection, HOST_WAIT_MS);
  const connectToDatabase = async () => {
    const connection = await createConnection({ ...server, database });
    // A broken connection fails its current statement; without a listener it would crash the process too.
    connection.on('error', () => {});
    try {
      await askInTime(connection, { sql: SESSION_SETTINGS });
      // under the default isolation, an UPDATE of a few rows would keep locks on every row that it scans
      await askInTime(connection, { sql: ISOLATION });
    } catch (error) {
      breakOff(connection);
      throw error;
    }
    return connection;
  };
  try {
    return await connectToDatabase();
  } catch (error) {
    const errno = driverError(error)?.errno;
    if (errno === NO_RIGHT_ON_DATABASE) {
      throw explained(error, `The database ${database} cannot be used, or is not there`);
    }
    if (errno !== NO_SUCH_DATABASE) throw error;
  }
  if (options.dryRun) return null;
  const connection = await createConnection(server);
  connection.on('error', () => {});
  try {
    const [created] = await connection.query<ResultSetHeader>(
      `CREATE DATABASE IF NOT EXISTS ${connection.escapeId(database)}
        CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
    );
    // A warning means that another instance was quicker.
    if (created.warningStatus === 0) options.log(`Created the database ${database}`);
  } catch (error) {
    throw explained(error, `The database ${database} does not exist`);
  } finally {
    connection.destroy();
  }
  return connectToDatabase();
}

function pendingMigrations(
  migrations: Migration[],
  records: MigrationRecords,
  log: (line: string) => void,
): Migration[] {
  for (const { tag, hash } of migrations) {
    const record = records.get(tag);
    // A migration that failed at its first statement has changed nothing, so its file may be corrected.
    if (record && record.hash !== hash && (record.finished || record.statementsDone > 0)) {
      throw new MigrationError(
        'CHANGED',
        `Migration ${tag} was changed after it had been applied to this database. ` +
          'Restore the file, and make the change in a new migration.',
      );
    }
  }
  const known = new Set(migrations.map(({ tag }) => tag));
  const newer = [...records.keys()].filter((tag) => !known.has(tag));
  if (newer.length > 0) log(`The database is newer than this version: it has ${newer.join(', ')}`);
  return migrations.filter(({ tag }) => !records.get(tag)?.finished);
}

async function applyLocked(
  connection: Connection,
  migrations: Migration[],
  expected: Migration[],
  { connection: { database }, log }: MigrateOptions,
): Promise<string[]> {
  try {
    await refuseOtherCharset(connection, database);
    // A change that waits for a transaction makes all others wait behind it; see `whenUnlocked`.
    await askInTime(connection, {
      sql: `SET SESSION lock_wait_timeout = ${TABLE_LOCK_WAIT_SECONDS}`,
    });
    const lock = await takeMigrationLock(connection, database);
    try {
      await createRecords(connection);
      // Another instance may have applied them while this one waited.
      const records = await readRecords(connection);
      const pending = pendingMigrations(migrations, records, () => {});
      for (const migration of pending) {
        await apply({ connection, lock }, migration, records.get(migration.tag), log);
      }
      return pending.map(({ tag }) => tag);
    } finally {
      await lock.release();
    }
  } catch (error) {
    const tags = expected.map(({ tag }) => tag);
    throw explained(error, `The database lacks ${tags.join(', ')}`);
  }
}

/** Refuses a database with another character set, which could not hold every character of names and addresses. */
async function refuseOtherCharset(connection: Connection, database: string): Promise<void> {
  const [rows] = await askInTime(connection, {
    sql: 'SELECT @@character_set_database',
    rowsAsArray: true,
  });
  const charset = (rows as [string][])[0]?.[0];
  if (charset === 'utf8mb4') return;
  throw new MigrationError(
    'CHARSET',
    `The database ${database} has the character set ${charset}. Run: ` +
      `ALTER DATABASE \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
  );
}

/** A connection that holds the lock. */
interface Session {
  connection: Connection;
  lock: MigrationLock;
}

async function apply(
  session: Session,
  { tag, hash, statements }: Migration,
  record: MigrationRecord | undefined,
  log: (line: string) => void,
): Promise<void> {
  const done = record?.statementsDone ?? 0;
  log(done === 0 ? `Applying ${tag}` : `Continuing ${tag} after statement ${done}`);
  await recordStart(session.connection, tag, hash);
  for (const [index, statement] of statements.entries()) {
    if (index < done) continue;
    // In an interrupted migration, the next statement may have run without being recorded.
    const mayHaveRun = record?.failed === false && index === done;
    try {
      if (changesRowsOnly(statement)) await changeRows(session, tag, index, statement);
      else await changeTables(session, tag, index, statement, { mayHaveRun, log });
    } catch (error) {
      await keepFailure(session, tag, error);
      throw explained(error, `Statement ${index + 1} of migration ${tag} failed`);
    }
  }
  await recordFinish(session.connection, tag);
}

/** Changes the rows and the record in one transaction. */
async function changeRows(
  { connection, lock }: Session,
  tag: string,
  index: number,
  statement: string,
): Promise<void> {
  await retrying(async () => {
    await connection.beginTransaction();
    try {
      await lock.renew();
      await connection.query(statement);
      await recordStatement(connection, tag, index + 1);
      await connection.commit();
    } catch (error) {
      await connection.rollback().catch(() => {});
      throw error;
    }
  });
}

async function changeTables(
  { connection, lock }: Session,
  tag: string,
  index: number,
  statement: string,
  { mayHaveRun, log }: { mayHaveRun: boolean; log: (line: string) => void },
): Promise<void> {
  const change = async () => {
    await retrying(() => lock.renew());
    await retrying(() => connection.query(statement));
  };
  try {
    await whenUnlocked(change, () => log(`Waiting for whoever uses a table that ${tag} changes`));
  } catch (error) {
    if (!mayHaveRun || !wasDoneBefore(statement, driverError(error))) throw error;
  }
  await retrying(async () => {
    await lock.renew();
    await recordStatement(connection, tag, index + 1);
  });
}

/**
 * Retries while another transaction, such as a backup's, uses a table, and lets other statements through in between.
 */
async function whenUnlocked(change: () => Promise<void>, waiting: () => void): Promise<void> {
  const end = performance.now() + TABLE_LOCK_PATIENCE_MS;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await change();
    } catch (error) {
      const isLocked = error instanceof Error && failureClass(error) === 'lock-timeout';
      if (!isLocked || performance.now() > end) throw error;
      if (isFirst) waiting();
      await delay(TABLE_LOCK_REST_MS);
    }
  }
}

/** Records that the statement certainly has not run, which the next attempt could not know otherwise. */
async function keepFailure({ connection, lock }: Session, tag: string, error: unknown) {
  const message = driverError(error)?.sqlMessage;
  // Without an answer from the server, it is not certain.
  if (message === undefined) return;
  try {
    await lock.renew();
    await recordFailure(connection, tag, message);
  } catch {
    // The connection or the lock is lost; the failure itself is about to be reported.
  }
}
