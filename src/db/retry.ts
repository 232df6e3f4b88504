import { setTimeout as delay } from 'node:timers/promises';
import { isRetryable, unavailableIn } from './failure.ts';

const ATTEMPTS = 6;
// whoever waits for an answer is better told that the database is away
const AWAY_FOR_MS = 2000;
// or that a row is locked: its lock is waited for once more, and not six times
const LOCKED_FOR_MS = 4000;

/**
 * Runs work again that a server undid or never began: after deadlocks and refused commits, and on another connection when
 * one was lost before its commit, or led to a server that takes no writes. Nothing that may have been done is run again.
 *
 * @throws what `work` threw last
 */
export async function retrying<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= ATTEMPTS || !isRetryable(error)) throw error;
      const patienceMs = unavailableIn(error) === undefined ? LOCKED_FOR_MS : AWAY_FOR_MS;
      if (performance.now() - startedAt > patienceMs) throw error;
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

// full jitter: those who collided must not collide again
function backoff(attempt: number): Promise<void> {
  return delay(Math.random() * 10 * 2 ** attempt);
}
