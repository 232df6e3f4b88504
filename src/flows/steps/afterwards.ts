import { setTimeout as delay } from 'node:timers/promises';
import { waitAtMost } from '../../deadlines.ts';
import { RequestError, requestErrorIn } from '../../errors.ts';

/** Work that must not delay an answer, because its duration would reveal something. */
export interface Afterwards {
  /**
   * Queues work, to be done in turn after the answer is sent.
   *
   * @throws {RequestError} OVERLOADED when too much is waiting, or the service is shutting down
   */
  add(work: () => Promise<void>): void;
  /** Resolves when everything in the queue is done. */
  idle(): Promise<void>;
  /**
   * Accepts no more work, gives the queue some time, and drops the rest.
   *
   * @returns how many pieces of work were dropped
   */
  close(): Promise<number>;
}

const LONGEST_LINE = 1000;
// the answer is sent within a turn or two of the event loop after the work was queued
const ANSWERED_MS = 20;
// while the database is silent, each piece of work takes as long as a statement may; a shutdown does not wait for that
const CLOSE_MS = 5000;
const PATIENCE_MS = 5 * 60_000;
const TRY_AGAIN_MS = 1000;

/**
 * Work that finds the database unreachable is retried for some minutes, because it was already answered with success.
 *
 * @param failed called when work has failed; nobody else would learn of it
 */
export function createAfterwards(failed: (error: unknown) => void, closeMs = CLOSE_MS): Afterwards {
  let waiting = 0;
  let isClosing = false;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();

  return {
    add(work) {
      const isRefused = isClosing || waiting >= LONGEST_LINE;
      if (isRefused) throw new RequestError('OVERLOADED', { retryAfter: 1 });
      waiting++;
      const giveUpAt = performance.now() + PATIENCE_MS;
      const mayTryAgain = () => !isClosed && performance.now() < giveUpAt;
      last = Promise.all([last, delay(ANSWERED_MS)])
        .then(() => (isClosed ? undefined : patiently(work, mayTryAgain)))
        .catch(failed)
        .finally(() => {
          waiting--;
        });
    },
    idle: () => last,
    async close() {
      isClosing = true;
      await waitAtMost(closeMs, last);
      isClosed = true;
      return waiting;
    },
  };
}

async function patiently(work: () => Promise<void>, mayTryAgain: () => boolean): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await delay(TRY_AGAIN_MS);
      if (!mayTryAgain()) throw error;
    }
  }
}

/** Whether the work had no effect that must not be repeated, and may succeed later. */
function isPassing(error: unknown): boolean {
  const code = requestErrorIn(error)?.code;
  // OVERLOADED: all connections are in use by others who wait for the database, or a lock is not released
  return code === 'UNAVAILABLE' || code === 'OVERLOADED';
}
