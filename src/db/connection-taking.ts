import type { Pool as CallbackPool, PoolConnection } from 'mysql2';
import type { Deadlines } from '../deadlines.ts';
import { RequestError } from '../errors.ts';
import { breakOff } from './break-off.ts';
import type { ConnectionLine } from './connection-line.ts';
import { failureAt } from './failure.ts';
import type { PoolUpkeep } from './pool-upkeep.ts';
import { setUpSession } from './session-settings.ts';

/** Told of what is asked of the database. */
export interface DatabaseWatch {
  /**
   * A connection is asked for.
   *
   * @returns what to call with null when it is there, or with the reason why it is not; where that was for one statement, the
   *   statement has failed, and is told of alone
   */
  acquiring(): (failure: Error | null) => void;
  /**
   * A statement is asked for, on a connection that may still have to be waited for.
   *
   * @param text without values, which travel apart from it
   * @returns what to call when it has ended
   */
  statement(text: string): (failure: Error | null) => void;
}

/** Who looks at the time, who keeps order, who looks after connections, and who looks on. */
export interface Attendants {
  readonly deadlines: Deadlines;
  readonly line: ConnectionLine;
  readonly timeoutMs: number;
  readonly upkeep: PoolUpkeep;
  readonly watch: DatabaseWatch | undefined;
}

/** A connection that is somebody's until they are done with it. */
export interface Taken {
  readonly connection: PoolConnection;
  /** Gives it back, or its place when it has been destroyed. */
  release(): void;
}

/** Takes a connection for several statements, when it is the caller's turn and before it is too late. */
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
 * @returns what to call by who waits no longer: what they waited for goes to the next
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

/** A connection that is set up, to the server that is to be used. */
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

/** Settles once, also when the server falls silent: of a connection that was destroyed the driver tells nobody. */
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

/** There was no connection in time: all are in use, or none can be had. */
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
