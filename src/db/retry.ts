import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '../errors.ts';
import { isRetryable, isServerFailure, unavailableIn } from './failure.ts';

const ATTEMPTS = 6;
// Give up soon: a caller is better told that the database is unreachable, or that a row stays locked. This is less than
// the usual wait for a row lock, so a lock that timed out is not waited for again.
const PATIENCE_MS = 2000;
const ASK_AGAIN_MS = 500;

/**
 * Runs work again that the server rolled back or never began: after deadlocks and refused commits, and on another
 * connection if the first was lost before its commit or led to a server that takes no writes. Work that may have taken
 * effect is never run again.
 *
 * @throws the last error of `work`
 * @throws {RequestError} OVERLOADED when every attempt conflicted with others, or a lock was not released
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

/** Runs a statement that is safe to repeat, and once more if the connection was lost and the outcome is unknown. */
export async function repeating<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    if (unavailableIn(error)?.mayRunAgain !== false) throw error;
    return await statement();
  }
}

/**
 * Runs work repeatedly while the database is unreachable: it may be starting up beside the service.
 *
 * @param waiting called with the first failure, if there will be further attempts
 * @throws the last error of `work`, at once where waiting would not help
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
