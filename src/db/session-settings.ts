import type { Connection } from 'mysql2/promise';

/**
 * Settings that the service relies on, whatever the server's defaults are. Procedures keep the sql_mode they were
 * created under.
 */
export const SESSION_SETTINGS =
  "set session sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', session time_zone='+00:00', session innodb_lock_wait_timeout=3";

/**
 * Every decision here is a conditional UPDATE, which reads the latest row under any isolation level; gap locks would
 * only add deadlocks.
 */
export const ISOLATION = 'set session transaction isolation level read committed';

// When a network breaks silently, the server does not notice and keeps the locks of open transactions, for eight hours
// by default. The statements of one of our transactions follow each other within moments.
const IDLE_TRANSACTION_S = 10;
const IDLE_CONNECTION_S = 30;
const LOCK_WAIT_S = 3;

/**
 * Sets what the service relies on, before anything else runs on a connection.
 *
 * @param timeoutMs how long the service waits for a statement. A server goes on with a statement whose client is gone,
 *   and keeps its connection: while it waits for a table lock, for up to a year by default, until the server has no
 *   connections left. So the server is told to give up slightly earlier than the service.
 */
export async function setUpSession(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.query(SESSION_SETTINGS);
  await connection.query(ISOLATION);
  const server = await readVariables(connection, 'session', [
    'wsrep_on',
    'group_replication_consistency',
    'idle_transaction_timeout',
  ]);
  // MySQL limits only idle connections, whether in a transaction or not
  const isMariadb = server.has('idle_transaction_timeout');
  const statementMs = Math.floor(timeoutMs * 0.9);
  const limits = isMariadb
    ? [`idle_transaction_timeout=${IDLE_TRANSACTION_S}`, `max_statement_time=${statementMs / 1000}`]
    : // MySQL can abort reads only; other statements take long only while they wait for a lock
      [`wait_timeout=${IDLE_CONNECTION_S}`, `max_execution_time=${statementMs}`];
  const lockWait = Math.max(1, Math.min(LOCK_WAIT_S, Math.floor(statementMs / 1000)));
  limits.push(`lock_wait_timeout=${lockWait}`, `innodb_lock_wait_timeout=${lockWait}`);
  await connection.query(`set ${limits.map((limit) => `session ${limit}`).join(', ')}`);
  if (server.get('wsrep_on') === 'ON') {
    // a node may lag behind: reads and conditional writes wait for what other nodes have committed
    await connection.query('set session wsrep_sync_wait=7');
  }
  if (server.get('group_replication_consistency') === 'EVENTUAL') {
    // a new primary answers only after it has applied everything that its predecessor committed
    await connection.query(
      "set session group_replication_consistency='BEFORE_ON_PRIMARY_FAILOVER'",
    );
  }
}

/** The given variables or status values of a server, as far as it has them. */
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
