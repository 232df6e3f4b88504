import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Pool, QueryOptions } from 'mysql2/promise';
import { RequestError } from '../errors.ts';

// these are not worth a prepared statement each, and some servers refuse to prepare them
const CONTROL = /^(begin|commit|rollback|savepoint|release savepoint|select 1$)/i;

/**
 * Makes Drizzle's statements server-side prepared. Its mysql2 driver calls `query()`, which writes the parameters
 * into the SQL text in the client; here the same call runs `execute()`, which sends them apart. It is faster too.
 * Everything has a deadline: a server that went silent must not hold a request.
 *
 * @param timeoutMs for each statement, and for the wait for a connection
 */
export function preparedPool({ pool }: Pool, timeoutMs: number): { client: Pool } {
  const run = async (statement: string | QueryOptions, values?: unknown[]) => {
    const asked = performance.now();
    const connection = await acquire(pool, timeoutMs);
    // what waiting for the connection took comes off: one deadline for both
    const leftMs = timeoutMs - (performance.now() - asked);
    try {
      return await execute(connection, statement, values, Math.max(1, leftMs));
    } finally {
      connection.release();
    }
  };
  const client = {
    query: run,
    execute: run,
    getConnection: async () => preparedConnection(await acquire(pool, timeoutMs), timeoutMs),
  };
  // Drizzle uses these three of a pool's methods and no other
  return { client: client as unknown as Pool };
}

function preparedConnection(connection: PoolConnection, timeoutMs: number) {
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    execute(connection, statement, values, timeoutMs);
  return { query: run, execute: run, release: () => connection.release() };
}

// Measured: the driver's own promises, and Drizzle's `typeCast`, which has each value of a row taken apart by functions
// of its own only to keep dates as text, cost three times what the statement itself does.
function execute(
  connection: PoolConnection,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
  timeoutMs: number,
): Promise<[rows: unknown, fields: unknown]> {
  const options = typeof statement === 'string' ? { sql: statement } : statement;
  const bounded = {
    sql: options.sql,
    rowsAsArray: options.rowsAsArray ?? false,
    dateStrings: true,
    timeout: timeoutMs,
  };
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null, rows: unknown, fields: unknown) => {
      if (error === null) return resolve([rows, fields]);
      // the answer may still be on its way, and would be taken for that of the next statement
      if (isTimeout(error)) connection.destroy();
      reject(error);
    };
    if (CONTROL.test(options.sql)) connection.query(bounded, settle);
    // biome-ignore lint/suspicious/noExplicitAny: the driver's own type for bound values
    else connection.execute(bounded, (values ?? options.values ?? []) as any, settle);
  });
}

function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'PROTOCOL_SEQUENCE_TIMEOUT';
}

function acquire(pool: CallbackPool, timeoutMs: number): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new RequestError('OVERLOADED', { retryAfter: 1 }));
    }, timeoutMs);
    pool.getConnection((error, connection) => {
      clearTimeout(timer);
      if (error) reject(error);
      // too late for this caller; the next one is waiting for it
      else if (isLate) connection.release();
      else resolve(connection);
    });
  });
}
