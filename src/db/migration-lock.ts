import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { MigrationError } from './migration-error.ts';
import { retrying } from './retry.ts';
import { askInTime } from './timely-query.ts';

const WAIT_SECONDS = 60;
const LEASE_SECONDS = 30;
const LEASE_POLL_MS = 250;

export interface MigrationLock {
  /** Extends the lease. Throws when another instance has taken this one for dead. */
  renew(): Promise<void>;
  /** Lets other instances proceed at once; never fails. */
  release(): Promise<void>;
}

/**
 * Makes this the only connection that migrates the database.
 *
 * The server's own lock ends with the connection, so that nobody waits for an instance that was killed. But each server
 * of a Galera cluster or a multi-primary group has locks of its own. So there is also a leased row: its holder renews
 * it with each statement, and once it has expired, an instance on another server may take it.
 */
export async function takeMigrationLock(
  connection: Connection,
  database: string,
): Promise<MigrationLock> {
  const deadline = Date.now() + WAIT_SECONDS * 1_000;
  await takeServerLock(connection, database);
  await retrying(() =>
    connection.query(`CREATE TABLE IF NOT EXISTS schema_migration_lock (
      id int NOT NULL PRIMARY KEY,
      holder char(36) CHARACTER SET ascii NOT NULL,
      server varchar(512) CHARACTER SET utf8mb4 NOT NULL,
      expires_at datetime(3) NOT NULL
    )`),
  );
  await retrying(() =>
    askInTime(connection, {
      sql: "INSERT IGNORE INTO schema_migration_lock VALUES (1, '', '', '2000-01-01 00:00:00')",
    }),
  );
  const holder = randomUUID();
  while (!(await takeLease(connection, holder))) {
    if (Date.now() > deadline) throw lockedError(database);
    await sleep(LEASE_POLL_MS);
  }
  return {
    renew: () => renewLease(connection, holder, database),
    release: () => releaseLease(connection, holder),
  };
}

async function takeServerLock(connection: Connection, database: string): Promise<void> {
  // The name is shared by the whole server and may have at most 64 characters.
  const name = `latchkey:${createHash('sha256').update(database).digest('hex').slice(0, 32)}`;
  const [rows] = await askInTime(
    connection,
    { sql: 'SELECT GET_LOCK(?, ?)', values: [name, WAIT_SECONDS], rowsAsArray: true },
    (WAIT_SECONDS + 10) * 1000,
  );
  if ((rows as [number | null][])[0]?.[0] !== 1) throw lockedError(database);
}

async function takeLease(connection: Connection, holder: string): Promise<boolean> {
  // This connection holds the server's lock, so no other instance on this server can still be using the lease.
  const [result] = await retrying(() =>
    askInTime<ResultSetHeader>(connection, {
      sql: `UPDATE schema_migration_lock
        SET holder = ?, server = CONCAT(@@hostname, ':', @@port, ':', @@datadir),
          expires_at = UTC_TIMESTAMP(3) + INTERVAL ${LEASE_SECONDS} SECOND
        WHERE id = 1 AND (holder = '' OR expires_at < UTC_TIMESTAMP(3)
          OR server = CONCAT(@@hostname, ':', @@port, ':', @@datadir))`,
      values: [holder],
    }),
  );
  return result.affectedRows === 1;
}

async function renewLease(connection: Connection, holder: string, database: string): Promise<void> {
  const [result] = await askInTime<ResultSetHeader>(connection, {
    sql: `UPDATE schema_migration_lock
      SET expires_at = UTC_TIMESTAMP(3) + INTERVAL ${LEASE_SECONDS} SECOND WHERE holder = ?`,
    values: [holder],
  });
  if (result.affectedRows !== 1) throw lockedError(database);
}

async function releaseLease(connection: Connection, holder: string): Promise<void> {
  try {
    await retrying(() =>
      askInTime(connection, {
        sql: "UPDATE schema_migration_lock SET holder = '' WHERE holder = ?",
        values: [holder],
      }),
    );
  } catch {
    // The connection is lost; the lease will expire.
  }
}

function lockedError(database: string): MigrationError {
  return new MigrationError(
    'LOCKED',
    `Another instance is migrating ${database}. Wait until it has finished, and start again.`,
  );
}
