import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Pool, QueryOptions } from 'mysql2/promise';
import { createDeadlines, type Deadlines } from '../deadlines.ts';
import { RequestError } from '../errors.ts';

// these are not worth a prepared statement each, and some servers refuse to prepare them
const CONTROL = /^(begin|commit|rollback|savepoint|release savepoint|select 1$)/i;

/**
 * Makes Drizzle's statements server-side prepared. Its mysql2 driver calls `query()`, which writes the parameters
 * into the SQL text in the client; here the same call runs `execute()`, which sends them apart. It is faster too.
 * Everything has a deadline: a server that went silent must not hold a request.
 *
 * @param timeoutMs for each statement together with the wait for its connection
 */
export function preparedPool({ pool }: Pool, timeoutMs: number): { client: Pool } {
  const deadlines = createDeadlines(timeoutMs);
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    runOnPool(pool, deadlines, statement, values);
  const client = {
    query: run,
    execute: run,
    getConnection: async () => preparedConnection(await acquire(pool, deadlines), deadlines),
  };
  // Drizzle uses these three of a pool's methods and no other
  return { client: client as unknown as Pool };
}

function preparedConnection(connection: PoolConnection, deadlines: Deadlines) {
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    runOnConnection(connection, deadlines, statement, values);
  return { query: run, execute: run, release: () => connection.release() };
}

type Outcome = [rows: unknown, fields: unknown];

function runOnPool(
  pool: CallbackPool,
  deadlines: Deadlines,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let connection: PoolConnection | undefined;
    let isLate = false;
    const finish = deadlines(() => {
      isLate = true;
      connection?.destroy();
      reject(connection === undefined ? overloaded() : timedOut());
    });
    pool.getConnection((failure, acquired) => {
      // too late for this caller; the next one is waiting for it
      if (isLate) return acquired?.release();
      if (failure) {
        finish();
        return reject(failure);
      }
      connection = acquired;
      execute(acquired, statement, values, (error, rows, fields) => {
        if (isLate) return;
        finish();
        acquired.release();
        if (error === null) resolve([rows, fields]);
        else reject(error);
      });
    });
  });
}

function runOnConnection(
  connection: PoolConnection,
  deadlines: Deadlines,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const finish = deadlines(() => {
      // the answer may still be on its way, and would be taken for that of the next statement
      connection.destroy();
      reject(timedOut());
    });
    execute(connection, statement, values, (error, rows, fields) => {
      finish();
      if (error === null) resolve([rows, fields]);
      else reject(error);
    });
  });
}

// Measured: the driver's own promises, and Drizzle's `typeCast`, which has each value of a row taken apart by functions
// of its own only to keep dates as text, cost three times what the statement itself does.
function execute(
  connection: PoolConnection,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
  settle: (error: Error | null, rows: unknown, fields: unknown) => void,
): void {
  const options = typeof statement === 'string' ? { sql: statement } : statement;
  const bare = { sql: options.sql, rowsAsArray: options.rowsAsArray ?? false, dateStrings: true };
  if (CONTROL.test(options.sql)) connection.query(bare, settle);
  // biome-ignore lint/suspicious/noExplicitAny: the driver's own type for bound values
  else connection.execute(bare, (values ?? options.values ?? []) as any, settle);
}

function acquire(pool: CallbackPool, deadlines: Deadlines): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const finish = deadlines(() => {
      isLate = true;
      reject(overloaded());
    });
    pool.getConnection((error, connection) => {
      finish();
      if (error) reject(error);
      else if (isLate) connection.release();
      else resolve(connection);
    });
  });
}

function overloaded(): RequestError {
  return new RequestError('OVERLOADED', { retryAfter: 1 });
}

function timedOut(): Error {
  return Object.assign(new Error('The database did not answer in time.'), { code: 'ETIMEDOUT' });
}
