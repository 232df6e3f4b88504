import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Pool, QueryOptions } from 'mysql2/promise';
import { createDeadlines } from '../deadlines.ts';
import { type ConnectionLine, createConnectionLine } from './connection-line.ts';
import {
  type Attendants,
  acquire,
  type DatabaseWatch,
  type Taken,
  takeInTurn,
  timedOut,
  unserved,
} from './connection-taking.ts';
import { failureAt, type Stage } from './failure.ts';
import { failureIn } from './out-of-step.ts';
import type { PoolUpkeep } from './pool-upkeep.ts';
import { retrying } from './retry.ts';

const READS = /^\s*(select|show)\b/i;
// not worth a prepared statement each, and some servers refuse to prepare them
const CONTROL = /^(begin|commit|rollback|savepoint|release savepoint)/i;

/**
 * Makes Drizzle use server-side prepared statements. Its mysql2 driver calls `query()`, which writes the parameters
 * into the SQL text in the client; here the same call runs `execute()`, which sends them separately. It is faster too.
 * Everything has a deadline: a silent server must not hold up a request. A statement outside of a transaction is run
 * again where that is safe.
 *
 * @param options.connections how many connections the pool may open
 * @param options.timeoutMs for each statement, including the wait for its connection
 */
export function preparedPool(
  { pool }: Pool,
  options: {
    connections: number;
    timeoutMs: number;
    upkeep: PoolUpkeep;
    watch?: DatabaseWatch | undefined;
  },
): { client: Pool; line: ConnectionLine } {
  const { upkeep, watch } = options;
  const attendants = {
    deadlines: createDeadlines(options.timeoutMs),
    timeoutMs: options.timeoutMs,
    line: createConnectionLine(options.connections),
    upkeep,
    watch,
  };
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    retrying(() => runOnPool(pool, attendants, statement, values));
  const client = {
    query: run,
    execute: run,
    getConnection: async () => preparedConnection(await acquire(pool, attendants), attendants),
  };
  // Drizzle uses only these three methods of a pool
  return { client: client as unknown as Pool, line: attendants.line };
}

function preparedConnection({ connection, release }: Taken, attendants: Attendants) {
  const run = async (statement: string | QueryOptions, values?: unknown[]) => {
    try {
      return await runOnConnection(connection, attendants, statement, values);
    } catch (error) {
      // Drizzle releases a connection only after a successful BEGIN
      if (/^begin$/i.test(textOf(statement))) release();
      throw error;
    }
  };
  return { query: run, execute: run, release };
}

type Outcome = [rows: unknown, fields: unknown];

function runOnPool(
  pool: CallbackPool,
  attendants: Attendants,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  const { deadlines, upkeep, watch } = attendants;
  const stage = READS.test(textOf(statement)) ? 'reading' : 'writing';
  return new Promise((resolve, reject) => {
    let taken: Taken | undefined;
    let isLate = false;
    const acquiring = watch?.acquiring();
    const ended = watch?.statement(textOf(statement));
    const fail = (failure: Error, at: Stage) => {
      ended?.(failure);
      reject(failureAt(at, failure));
    };
    const finish = deadlines(() => {
      isLate = true;
      if (taken === undefined) {
        giveUp();
        return fail(unserved(upkeep), 'connecting');
      }
      const failure = timedOut();
      upkeep.failed(taken.connection, failure);
      taken.release();
      fail(failure, stage);
    });
    const giveUp = takeInTurn(pool, attendants, (failure, got) => {
      if (got === undefined) {
        finish();
        return fail(failure, 'connecting');
      }
      taken = got;
      acquiring?.(null);
      execute(got.connection, statement, values, (error, rows, fields) => {
        if (isLate) return;
        finish();
        if (error !== null) upkeep.failed(got.connection, error);
        got.release();
        if (error !== null) return fail(error, stage);
        ended?.(null);
        resolve([rows, fields]);
      });
    });
  });
}

function runOnConnection(
  connection: PoolConnection,
  { deadlines, upkeep, watch }: Attendants,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  const text = textOf(statement);
  const stage = /^commit$/i.test(text) ? 'committing' : 'transaction';
  return new Promise((resolve, reject) => {
    let isLate = false;
    const ended = watch?.statement(text);
    const fail = (failure: Error) => {
      upkeep.failed(connection, failure);
      ended?.(failure);
      const told = failureAt(stage, failure);
      // The server rolls back by itself when the connection is lost. Resolving lets the caller see why it was lost,
      // rather than that ROLLBACK failed.
      if (told !== failure && /^rollback$/i.test(text)) resolve([[], []]);
      else reject(told);
    };
    const finish = deadlines(() => {
      isLate = true;
      // the late answer would be taken for that of the next statement, so the connection is not used again
      fail(timedOut());
    });
    execute(connection, statement, values, (error, rows, fields) => {
      finish();
      if (isLate) return;
      if (error !== null) return fail(error);
      ended?.(null);
      resolve([rows, fields]);
    });
  });
}

// Measured: the driver's own promises and Drizzle's `typeCast` cost three times as much as the statement itself.
// `typeCast` passes each value of each row through several functions, only to keep dates as text.
function execute(
  connection: PoolConnection,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
  settle: (error: Error | null, rows: unknown, fields: unknown) => void,
): void {
  const options = typeof statement === 'string' ? { sql: statement } : statement;
  const bare = { sql: options.sql, rowsAsArray: options.rowsAsArray ?? false, dateStrings: true };
  const answered: typeof settle = (error, rows, fields) =>
    settle(failureIn(error, rows, READS.test(options.sql)), rows, fields);
  if (CONTROL.test(options.sql)) connection.query(bare, answered);
  // biome-ignore lint/suspicious/noExplicitAny: the driver's own type for bound values
  else connection.execute(bare, (values ?? options.values ?? []) as any, answered);
}

function textOf(statement: string | QueryOptions): string {
  return typeof statement === 'string' ? statement : statement.sql;
}
