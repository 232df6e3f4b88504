import { escapeId } from 'mysql2';
import { type Connection, createConnection } from 'mysql2/promise';
import type { ServerConnection } from './connection.ts';
import { driverError } from './failure.ts';
import { MIGRATION_PRIVILEGES, RUNTIME_PROCEDURES, RUNTIME_TABLE_PRIVILEGES } from './grants.ts';
import { writableHost } from './host-choice.ts';
import {
  compareRights,
  type NeededRight,
  parseGrants,
  type Right,
  type Rights,
  rightObjectSql,
} from './rights.ts';
import { SESSION_SETTINGS } from './session-settings.ts';

/** An account of the database server: a user, and the host it connects from. */
export interface Account {
  user: string;
  host: string;
}

/** Every privilege that the service's own database user needs. */
export const RUNTIME_RIGHTS: readonly NeededRight[] = [
  ...Object.entries(RUNTIME_TABLE_PRIVILEGES).map(
    ([name, privileges]) => ({ kind: 'table', name, privileges }) as const,
  ),
  ...RUNTIME_PROCEDURES.map(
    (name) => ({ kind: 'procedure', name, privileges: ['EXECUTE'] }) as const,
  ),
];

const NO_SUCH_GRANT = new Set([1141, 1147, 1403]);

const HOST_WAIT_MS = 10_000;

/**
 * Runs a few statements on a connection of their own. The session settings fix the sql_mode, and so how SQL text is
 * parsed and quoted. With several hosts, the connection goes to the one that takes writes.
 */
export async function withConnection<T>(
  options: ServerConnection,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const server = await writableHost(options, HOST_WAIT_MS);
  const connection = await createConnection({ ...server, timezone: 'Z' });
  // without a listener, a broken connection would crash the process; its statement fails in any case
  connection.on('error', () => undefined);
  try {
    await connection.query(SESSION_SETTINGS);
    return await work(connection);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

/**
 * Creates the database if it does not exist yet.
 *
 * @returns whether it was created, and its character set
 */
export async function createDatabase(
  connection: Connection,
  database: string,
): Promise<{ created: boolean; charset: string }> {
  const rows = await readRows(
    connection,
    'SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = ?',
    [database],
  );
  const charset = rows[0]?.[0];
  if (charset !== undefined) return { created: false, charset: String(charset) };
  await connection.query(
    `CREATE DATABASE IF NOT EXISTS ${escapeId(database, true)}
      CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
  );
  return { created: true, charset: 'utf8mb4' };
}

/**
 * Creates an account. If it exists already, it may get another password.
 *
 * @param password.replace whether an existing account gets the new password too
 * @returns whether the account was created
 */
export async function createAccount(
  connection: Connection,
  account: Account,
  password: { fresh: string; replace: boolean },
): Promise<boolean> {
  const name = accountSql(connection, account);
  const secret = connection.escape(password.fresh);
  try {
    await connection.query(`CREATE USER ${name} IDENTIFIED BY ${secret}`);
    return true;
  } catch (error) {
    // 1396: the server says only that CREATE USER failed, not that the account exists
    if (driverError(error)?.errno !== 1396) throw error;
  }
  if (password.replace) await connection.query(`ALTER USER ${name} IDENTIFIED BY ${secret}`);
  return false;
}

/** Grants an account all that migrations need in the database, and the right to pass it on. */
export async function grantMigration(
  connection: Connection,
  account: Account,
  database: string,
): Promise<void> {
  // in a grant on a database, _ and % are wildcards
  const literal = escapeId(database.replace(/[_%]/g, '\\$&'), true);
  await connection.query(
    `GRANT ${MIGRATION_PRIVILEGES.join(', ')} ON ${literal}.* TO ${accountSql(connection, account)} WITH GRANT OPTION`,
  );
}

/**
 * The anonymous users of the server, as SQL writes them. The server takes a client from such a user's host for the
 * anonymous user, rather than for a named user who may connect from anywhere (`%`).
 */
export async function anonymousUsers(connection: Connection): Promise<string[]> {
  const rows = await readRows(connection, "SELECT host FROM mysql.user WHERE user = ''");
  return (
    rows
      .map(([host]) => accountSql(connection, { user: '', host: String(host) }))
      // MariaDB stores the rights of everybody (PUBLIC) as a role, which is not a user
      .filter((name) => name !== "''@''")
  );
}

/** The account that the server has authenticated a connection as. */
export async function currentAccount(connection: Connection): Promise<Account> {
  const rows = await readRows(connection, 'SELECT CURRENT_USER()');
  const text = String(rows[0]?.[0]);
  const at = text.lastIndexOf('@');
  return { user: text.slice(0, at), host: text.slice(at + 1) };
}

/** What an account may do; by default, the account of the connection itself. */
export async function readRights(connection: Connection, account?: Account): Promise<Rights> {
  const of = account === undefined ? '' : ` FOR ${accountSql(connection, account)}`;
  const rows = await readRows(connection, `SHOW GRANTS${of}`);
  return parseGrants(rows.map(([line]) => String(line)));
}

/**
 * Grants the service's account the rights that it lacks, as far as their tables and procedures exist: nothing can be
 * granted on a table before it is created.
 *
 * @param rights what the account may do so far
 * @returns the rights that were granted
 */
export async function grantRuntime(
  connection: Connection,
  account: Account,
  database: string,
  rights: Rights,
): Promise<NeededRight[]> {
  const needed = await existing(connection, database);
  const { missing } = compareRights(rights, needed, database);
  for (const { kind, name, privileges } of missing) {
    const object = rightObjectSql({ kind, database, name });
    await connection.query(
      `GRANT ${privileges.join(', ')} ON ${object} TO ${accountSql(connection, account)}`,
    );
  }
  return missing;
}

/**
 * Revokes the rights that the service's account does not need.
 *
 * @returns the rights that were revoked
 */
export async function revokeExcessive(
  connection: Connection,
  account: Account,
  database: string,
  rights: Rights,
): Promise<Right[]> {
  const { excessive } = compareRights(rights, RUNTIME_RIGHTS, database);
  for (const { object, privileges } of excessive) {
    try {
      await connection.query(
        `REVOKE ${privileges.join(', ')} ON ${rightObjectSql(object)} FROM ${accountSql(connection, account)}`,
      );
    } catch (error) {
      // it was revoked together with another right
      if (!NO_SUCH_GRANT.has(driverError(error)?.errno ?? 0)) throw error;
    }
  }
  return excessive;
}

async function existing(connection: Connection, database: string): Promise<NeededRight[]> {
  const rows = await readRows(
    connection,
    `SELECT table_name FROM information_schema.tables WHERE table_schema = ?
      UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = ?`,
    [database, database],
  );
  const names = new Set(rows.map(([name]) => String(name).toLowerCase()));
  return RUNTIME_RIGHTS.filter(({ name }) => names.has(name.toLowerCase()));
}

function accountSql(connection: Connection, { user, host }: Account): string {
  return `${connection.escape(user)}@${connection.escape(host)}`;
}

async function readRows(
  connection: Connection,
  sql: string,
  values: string[] = [],
): Promise<unknown[][]> {
  const [rows] = await connection.query({ sql, values, rowsAsArray: true });
  return rows as unknown[][];
}
