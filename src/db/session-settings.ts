import type { Connection } from 'mysql2/promise';

/** What is counted on, whatever the server's defaults are; procedures keep the sql_mode they were created under. */
export const SESSION_SETTINGS =
  "set session sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', session time_zone='+00:00', session innodb_lock_wait_timeout=3";

/** Every decision here is a conditional UPDATE, which reads the newest row under any isolation; gap locks would only add deadlocks. */
export const ISOLATION = 'set session transaction isolation level read committed';

// When a network breaks silently, the server hears nothing of it and keeps the locks of what was begun, for eight hours by
// its defaults. Between the statements of a transaction there is never more than a moment.
const IDLE_TRANSACTION_S = 10;
const IDLE_CONNECTION_S = 30;
const LOCK_WAIT_S = 3;

/**
 * Sets what the service counts on, before anything else runs on a connection.
 *
 * @param timeoutMs after which nobody waits for a statement any more. A server goes on with one whose client is gone, and
 *   keeps its connection for as long: for a lock on a whole table up to a year by its defaults, until it has no connections
 *   left. So it gives up by itself, a little before.
 */
export async function setUpSession(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.query(SESSION_SETTINGS);
  await connection.query(ISOLATION);
  const server = await readVariables(connection, 'session', [
    'wsrep_on',
    'group_replication_consistency',
    'idle_transaction_timeout',
  ]);
  // MySQL knows only connections that are idle, in a transaction or not
  const isMariadb = server.has('idle_transaction_timeout');
  const statementMs = Math.floor(timeoutMs * 0.9);
  const limits = isMariadb
    ? [`idle_transaction_timeout=${IDLE_TRANSACTION_S}`, `max_statement_time=${statementMs / 1000}`]
    : // MySQL ends reads only; whatever else waits for long does so for a lock
      [`wait_timeout=${IDLE_CONNECTION_S}`, `max_execution_time=${statementMs}`];
  const lockWait = Math.max(1, Math.min(LOCK_WAIT_S, Math.floor(statementMs / 1000)));
  limits.push(`lock_wait_timeout=${lockWait}`, `innodb_lock_wait_timeout=${lockWait}`);
  await connection.query(`set ${limits.map((limit) => `session ${limit}`).join(', ')}`);
  if (server.get('wsrep_on') === 'ON') {
    // what was committed on another node is read here, and met by conditional writes: a node may lag behind
    await connection.query('set session wsrep_sync_wait=7');
  }
  if (server.get('group_replication_consistency') === 'EVENTUAL') {
    // a new primary answers once it has applied all that the one before had committed
    await connection.query(
      "set session group_replication_consistency='BEFORE_ON_PRIMARY_FAILOVER'",
    );
  }
}

/** The variables or the status of a server, as far as it has them. */
export async function readVariables(
  connection: Connection,
  kind: 'session' | 'global' | 'status',
  names: readonly string[],
  timeout?: number,
): Promise<ReadonlyMap<string, string>> {
  const what = kind === 'status' ? 'global status' : `${kind} variables`;
  const list = names.map((name) => `'${name}'`).join(', ');
  const sql = `show ${what} where variable_name in (${list})`;
  const [rows] = await connection.query({
    sql,
    rowsAsArray: true,
    ...(timeout === undefined ? {} : { timeout }),
  });
  return new Map(
    (rows as unknown[][]).map(([name, value]) => [String(name).toLowerCase(), String(value)]),
  );
}
