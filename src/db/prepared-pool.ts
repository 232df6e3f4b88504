import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Pool, QueryOptions } from 'mysql2/promise';
import { createDeadlines, type Deadlines } from '../deadlines.ts';
import { RequestError } from '../errors.ts';

// these are not worth a prepared statement each, and some servers refuse to prepare them
const CONTROL = /^(begin|commit|rollback|savepoint|release savepoint|select 1$)/i;

/** Told of what is asked of the database. */
export interface DatabaseWatch {
  /** A connection is asked for. @returns what to call with null when it is there, or with the reason why it is not */
  acquiring(): (failure: Error | null) => void;
  /**
   * A statement is asked for, on a connection that may still have to be waited for.
   *
   * @param text without values, which travel apart from it
   * @returns what to call when it has ended
   */
  statement(text: string): (failure: Error | null) => void;
}

/**
 * Makes Drizzle's statements server-side prepared. Its mysql2 driver calls `query()`, which writes the parameters
 * into the SQL text in the client; here the same call runs `execute()`, which sends them apart. It is faster too.
 * Everything has a deadline: a server that went silent must not hold a request.
 *
 * @param timeoutMs for each statement together with the wait for its connection
 */
export function preparedPool(
  { pool }: Pool,
  timeoutMs: number,
  watch?: DatabaseWatch,
): { client: Pool } {
  const deadlines = createDeadlines(timeoutMs);
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    runOnPool(pool, { deadlines, watch }, statement, values);
  const client = {
    query: run,
    execute: run,
    getConnection: async () =>
      preparedConnection(await acquire(pool, { deadlines, watch }), { deadlines, watch }),
  };
  // Drizzle uses these three of a pool's methods and no other
  return { client: client as unknown as Pool };
}

/** Who looks at the time, and who looks on. */
interface Attendants {
  readonly deadlines: Deadlines;
  readonly watch: DatabaseWatch | undefined;
}

function preparedConnection(connection: PoolConnection, attendants: Attendants) {
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    runOnConnection(connection, attendants, statement, values);
  return { query: run, execute: run, release: () => connection.release() };
}

type Outcome = [rows: unknown, fields: unknown];

function runOnPool(
  pool: CallbackPool,
  { deadlines, watch }: Attendants,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let connection: PoolConnection | undefined;
    let isLate = false;
    const acquiring = watch?.acquiring();
    const ended = watch?.statement(textOf(statement));
    const finish = deadlines(() => {
      isLate = true;
      connection?.destroy();
      const failure = connection === undefined ? overloaded() : timedOut();
      ended?.(failure);
      reject(failure);
    });
    pool.getConnection((failure, acquired) => {
      // too late for this caller; the next one is waiting for it
      if (isLate) return acquired?.release();
      if (failure) {
        finish();
        ended?.(failure);
        return reject(failure);
      }
      connection = acquired;
      acquiring?.(null);
      execute(acquired, statement, values, (error, rows, fields) => {
        if (isLate) return;
        finish();
        acquired.release();
        ended?.(error);
        if (error === null) resolve([rows, fields]);
        else reject(error);
      });
    });
  });
}

function runOnConnection(
  connection: PoolConnection,
  { deadlines, watch }: Attendants,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const ended = watch?.statement(textOf(statement));
    const finish = deadlines(() => {
      isLate = true;
      // the answer may still be on its way, and would be taken for that of the next statement
      connection.destroy();
      const failure = timedOut();
      ended?.(failure);
      reject(failure);
    });
    execute(connection, statement, values, (error, rows, fields) => {
      finish();
      if (!isLate) ended?.(error);
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

function acquire(pool: CallbackPool, { deadlines, watch }: Attendants): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const acquiring = watch?.acquiring();
    const finish = deadlines(() => {
      isLate = true;
      const failure = overloaded();
      acquiring?.(failure);
      reject(failure);
    });
    pool.getConnection((error, connection) => {
      finish();
      if (!isLate) acquiring?.(error);
      if (error) reject(error);
      else if (isLate) connection.release();
      else resolve(connection);
    });
  });
}

function textOf(statement: string | QueryOptions): string {
  return typeof statement === 'string' ? statement : statement.sql;
}

function overloaded(): RequestError {
  return new RequestError('OVERLOADED', { retryAfter: 1 });
}

function timedOut(): Error {
  return Object.assign(new Error('The database did not answer in time.'), { code: 'ETIMEDOUT' });
}
