import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '../errors.ts';
import { isRetryable, isServerFailure, unavailableIn } from './failure.ts';

const ATTEMPTS = 6;
// whoever waits for an answer is better told that the database is away, or that a row stays locked: a lock that was waited
// for in vain is not waited for again
const PATIENCE_MS = 2000;
const ASK_AGAIN_MS = 500;

/**
 * Runs work again that a server undid or never began: after deadlocks and refused commits, and on another connection when
 * one was lost before its commit, or led to a server that takes no writes. Nothing that may have been done is run again.
 *
 * @throws what `work` threw last
 * @throws {RequestError} OVERLOADED when it met others time and again, or a lock that was not let go
 */
export async function retrying<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (attempt >= ATTEMPTS || performance.now() - startedAt > PATIENCE_MS) throw told(error);
      await backoff(attempt);
    }
  }
}

/**
 * Runs a statement that does no harm when it is done twice, once more when the connection was lost and nobody can tell
 * whether it was done.
 */
export async function repeating<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    if (unavailableIn(error)?.mayRunAgain !== false) throw error;
    return await statement();
  }
}

/**
 * Runs work again and again while the database is away, as it may be when it starts beside the service.
 *
 * @param waiting told of the first failure, if it goes on after it
 * @throws what `work` threw last, at once where waiting would not help
 */
export async function persisting<T>(
  work: () => Promise<T>,
  patienceMs: number,
  waiting: (failure: unknown) => void,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await work();
    } catch (error) {
      if (!isServerFailure(error) || performance.now() + ASK_AGAIN_MS > end) throw error;
      if (isFirst) waiting(error);
      await delay(ASK_AGAIN_MS);
    }
  }
}

function told(error: unknown): unknown {
  if (unavailableIn(error) !== undefined || !(error instanceof Error)) return error;
  return new RequestError('OVERLOADED', { retryAfter: 1, cause: error });
}

// full jitter: those who collided must not collide again
function backoff(attempt: number): Promise<void> {
  return delay(Math.random() * 10 * 2 ** attempt);
}
