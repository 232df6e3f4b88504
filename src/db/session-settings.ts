import type { Connection } from 'mysql2/promise';

/** What is counted on, whatever the server's defaults are; procedures keep the sql_mode they were created under. */
export const SESSION_SETTINGS =
  "set session sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', session time_zone='+00:00', session innodb_lock_wait_timeout=3";

/** Sets what the service counts on, before anything else runs on a connection. */
export async function setUpSession(connection: Connection): Promise<void> {
  await connection.query(SESSION_SETTINGS);
  // every decision here is a conditional UPDATE, which reads the newest row under any isolation;
  // gap locks would only add deadlocks
  await connection.query('set session transaction isolation level read committed');
  const cluster = await readVariables(connection, 'session', [
    'wsrep_on',
    'group_replication_consistency',
  ]);
  if (cluster.get('wsrep_on') === 'ON') {
    // what was committed on another node is read here, and met by conditional writes: a node may lag behind
    await connection.query('set session wsrep_sync_wait=7');
  }
  if (cluster.get('group_replication_consistency') === 'EVENTUAL') {
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
