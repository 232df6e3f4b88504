import type { Connection } from 'mysql2/promise';

/** What is counted on, whatever the server's defaults are; procedures keep the sql_mode they were created under. */
export const SESSION_SETTINGS =
  "set session sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', session time_zone='+00:00', session innodb_lock_wait_timeout=3";

// When a network breaks silently, the server hears nothing of it and keeps the locks of what was begun, for eight hours by
// its defaults. Between the statements of a transaction there is never more than a moment.
const IDLE_TRANSACTION_S = 10;
const IDLE_CONNECTION_S = 30;

/** Sets what the service counts on, before anything else runs on a connection. */
export async function setUpSession(connection: Connection): Promise<void> {
  await connection.query(SESSION_SETTINGS);
  // every decision here is a conditional UPDATE, which reads the newest row under any isolation;
  // gap locks would only add deadlocks
  await connection.query('set session transaction isolation level read committed');
  const server = await readVariables(connection, 'session', [
    'wsrep_on',
    'group_replication_consistency',
    'idle_transaction_timeout',
  ]);
  // MySQL knows only connections that are idle, in a transaction or not
  const limit = server.has('idle_transaction_timeout')
    ? `idle_transaction_timeout=${IDLE_TRANSACTION_S}`
    : `wait_timeout=${IDLE_CONNECTION_S}`;
  await connection.query(`set session ${limit}`);
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
