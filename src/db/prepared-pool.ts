import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Pool, QueryOptions } from 'mysql2/promise';
import { createDeadlines, type Deadlines } from '../deadlines.ts';
import { RequestError } from '../errors.ts';
import { failureAt, type Stage } from './failure.ts';
import type { PoolUpkeep } from './pool-upkeep.ts';
import { retrying } from './retry.ts';
import { setUpSession } from './session-settings.ts';

const READS = /^\s*(select|show)\b/i;
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
 * Everything has a deadline: a server that went silent must not hold a request. What runs by itself, in no transaction, is
 * run again where that is safe.
 *
 * @param options.timeoutMs for each statement together with the wait for its connection
 */
export function preparedPool(
  { pool }: Pool,
  options: { timeoutMs: number; upkeep: PoolUpkeep; watch?: DatabaseWatch | undefined },
): { client: Pool } {
  const { upkeep, watch } = options;
  const attendants = { deadlines: createDeadlines(options.timeoutMs), upkeep, watch };
  const run = (statement: string | QueryOptions, values?: unknown[]) =>
    retrying(() => runOnPool(pool, attendants, statement, values));
  const client = {
    query: run,
    execute: run,
    getConnection: async () => preparedConnection(await acquire(pool, attendants), attendants),
  };
  // Drizzle uses these three of a pool's methods and no other
  return { client: client as unknown as Pool };
}

/** Who looks at the time, who looks after connections, and who looks on. */
interface Attendants {
  readonly deadlines: Deadlines;
  readonly upkeep: PoolUpkeep;
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
  attendants: Attendants,
  statement: string | QueryOptions,
  values: unknown[] | undefined,
): Promise<Outcome> {
  const { deadlines, upkeep, watch } = attendants;
  const stage = READS.test(textOf(statement)) ? 'reading' : 'writing';
  return new Promise((resolve, reject) => {
    let connection: PoolConnection | undefined;
    let isLate = false;
    const acquiring = watch?.acquiring();
    const ended = watch?.statement(textOf(statement));
    const fail = (failure: Error, at: Stage) => {
      ended?.(failure);
      reject(failureAt(at, failure));
    };
    const finish = deadlines(() => {
      isLate = true;
      if (connection === undefined) return fail(unserved(upkeep), 'connecting');
      const failure = timedOut();
      upkeep.failed(connection, failure);
      fail(failure, stage);
    });
    take(pool, attendants, (failure, taken) => {
      // too late for this caller; the next one is waiting for it
      if (isLate) return taken?.release();
      if (taken === undefined) {
        finish();
        return fail(failure, 'connecting');
      }
      connection = taken;
      acquiring?.(null);
      execute(taken, statement, values, (error, rows, fields) => {
        if (isLate) return;
        finish();
        if (error !== null) upkeep.failed(taken, error);
        taken.release();
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
      // the server rolls back what a lost connection had begun; what is told is why it was lost
      if (told !== failure && /^rollback$/i.test(text)) resolve([[], []]);
      else reject(told);
    };
    const finish = deadlines(() => {
      isLate = true;
      // the answer may still be on its way, and would be taken for that of the next statement
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

function acquire(pool: CallbackPool, attendants: Attendants): Promise<PoolConnection> {
  const { deadlines, watch } = attendants;
  return new Promise((resolve, reject) => {
    let isLate = false;
    const acquiring = watch?.acquiring();
    const fail = (failure: Error) => {
      acquiring?.(failure);
      reject(failureAt('connecting', failure));
    };
    const finish = deadlines(() => {
      isLate = true;
      fail(unserved(attendants.upkeep));
    });
    take(pool, attendants, (failure, taken) => {
      finish();
      if (isLate) return taken?.release();
      if (taken === undefined) return fail(failure);
      acquiring?.(null);
      resolve(taken);
    });
  });
}

type Taken = (
  ...outcome: [failure: Error, none: undefined] | [failure: null, connection: PoolConnection]
) => void;

/** A connection that is set up, to the server that is to be used. */
function take(pool: CallbackPool, attendants: Attendants, settle: Taken): void {
  const { upkeep } = attendants;
  pool.getConnection((failure, connection) => {
    if (failure) return settle(failure, undefined);
    if (upkeep.isRetired(connection)) {
      connection.destroy();
      return take(pool, attendants, settle);
    }
    if (!upkeep.isNew(connection)) return settle(null, connection);
    setUp(connection, attendants, (problem) => {
      if (problem === null) return settle(null, connection);
      connection.destroy();
      settle(problem, undefined);
    });
  });
}

/** Settles once, also when the server falls silent: of a connection that was destroyed the driver tells nobody. */
function setUp(
  connection: PoolConnection,
  { deadlines, upkeep }: Attendants,
  settle: (failure: Error | null) => void,
): void {
  let isLate = false;
  const finish = deadlines(() => {
    isLate = true;
    const failure = timedOut();
    upkeep.failed(connection, failure);
    settle(failure);
  });
  const done = (failure: Error | null) => {
    finish();
    if (isLate) return;
    if (failure === null) upkeep.opened(connection);
    else upkeep.failed(connection, failure);
    settle(failure);
  };
  setUpSession(connection.promise()).then(() => done(null), done);
}

function textOf(statement: string | QueryOptions): string {
  return typeof statement === 'string' ? statement : statement.sql;
}

/** There was no connection in time: all are in use, or none can be had. */
function unserved(upkeep: PoolUpkeep): Error {
  return upkeep.isAway() ? timedOut() : new RequestError('OVERLOADED', { retryAfter: 1 });
}

function timedOut(): Error {
  return Object.assign(new Error('The database did not answer in time.'), { code: 'ETIMEDOUT' });
}
