import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Deadlines } from '../deadlines.ts';
import { RequestError } from '../errors.ts';
import { breakOff } from './break-off.ts';
import type { ConnectionLine } from './connection-line.ts';
import { failureAt } from './failure.ts';
import type { PoolUpkeep } from './pool-upkeep.ts';
import { setUpSession } from './session-settings.ts';

/** Observes what is asked of the database. */
export interface DatabaseWatch {
  /**
   * Called when a connection is asked for.
   *
   * @returns a callback: it gets null when there is a connection, or the reason why there is none. If the connection
   *   was for a single statement, it is not called on failure; the statement's own callback reports that.
   */
  acquiring(): (failure: Error | null) => void;
  /**
   * Called when a statement is asked for, which may still have to wait for a connection.
   *
   * @param text the SQL without its values, which travel separately
   * @returns a callback for the end of the statement
   */
  statement(text: string): (failure: Error | null) => void;
}

/** What taking a connection needs: deadlines, the waiting line, the upkeep of connections, and an observer. */
export interface Attendants {
  readonly deadlines: Deadlines;
  readonly line: ConnectionLine;
  readonly timeoutMs: number;
  readonly upkeep: PoolUpkeep;
  readonly watch: DatabaseWatch | undefined;
}

/** A connection that one caller owns until it is released. */
export interface Taken {
  readonly connection: PoolConnection;
  /** Returns the connection to the pool and its place in the line; of a destroyed connection, only the place. */
  release(): void;
}

/** Takes a connection for several statements when it is the caller's turn. Fails at the deadline. */
export function acquire(pool: CallbackPool, attendants: Attendants): Promise<Taken> {
  const { deadlines, watch } = attendants;
  return new Promise((resolve, reject) => {
    const acquiring = watch?.acquiring();
    const fail = (failure: Error) => {
      acquiring?.(failure);
      reject(failureAt('connecting', failure));
    };
    const finish = deadlines(() => {
      giveUp();
      fail(unserved(attendants.upkeep));
    });
    const giveUp = takeInTurn(pool, attendants, (failure, taken) => {
      finish();
      if (taken === undefined) return fail(failure);
      acquiring?.(null);
      resolve(taken);
    });
  });
}

type Settle<T> = (...outcome: [failure: Error, none: undefined] | [failure: null, got: T]) => void;

/**
 * Takes a connection when it is the caller's turn.
 *
 * @returns a function for a caller that stops waiting: the connection then goes to the next in line
 */
export function takeInTurn(
  pool: CallbackPool,
  attendants: Attendants,
  settle: Settle<Taken>,
): () => void {
  let isLate = false;
  const turn = attendants.line.join(({ leave }) =>
    take(pool, attendants, (failure, connection) => {
      const release = () => {
        if (connection !== undefined) attendants.upkeep.released(connection);
        connection?.release();
        leave();
      };
      if (isLate) return release();
      if (connection !== undefined) return settle(null, { connection, release });
      release();
      settle(failure, undefined);
    }),
  );
  if (turn === undefined) settle(overloaded(), undefined);
  return () => {
    isLate = true;
    turn?.giveUp();
  };
}

/** A connection that is set up and leads to the right server. */
function take(pool: CallbackPool, attendants: Attendants, settle: Settle<PoolConnection>): void {
  const { upkeep } = attendants;
  pool.getConnection((failure, connection) => {
    if (failure) return settle(failure, undefined);
    if (upkeep.isRetired(connection)) {
      breakOff(connection);
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

/** Settles once, even when the server falls silent: the driver does not report that a connection was destroyed. */
function setUp(
  connection: PoolConnection,
  { deadlines, timeoutMs, upkeep }: Attendants,
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
  setUpSession(connection.promise(), timeoutMs).then(() => done(null), done);
}

/** The error when there was no connection in time: all are in use, or no server takes writes. */
export function unserved(upkeep: PoolUpkeep): Error {
  return upkeep.isAway() ? timedOut() : overloaded();
}

function overloaded(): Error {
  return new RequestError('OVERLOADED', { retryAfter: 1 });
}

/** The server did not answer in time. */
export function timedOut(): Error {
  return Object.assign(new Error('The database did not answer in time.'), { code: 'ETIMEDOUT' });
}
