import { setTimeout as delay } from 'node:timers/promises';
import { waitAtMost } from '../../deadlines.ts';
import { RequestError, requestErrorIn } from '../../errors.ts';

/** Work that an answer must not wait for, because how long it takes would tell something. */
export interface Afterwards {
  /**
   * Takes work on, to be done in its turn once the answer is out.
   *
   * @throws {RequestError} OVERLOADED when too much waits already, or the service ends
   */
  add(work: () => Promise<void>): void;
  /** Resolves when everything that was taken on is done. */
  idle(): Promise<void>;
  /**
   * Takes nothing more on, lets what was taken on be done for a while, and drops the rest.
   *
   * @returns how much of it was not done by then
   */
  close(): Promise<number>;
}

const LONGEST_LINE = 1000;
// the answer leaves a turn or two of the event loop after the work was taken on
const ANSWERED_MS = 20;
// while the database is silent each would take as long as a statement may, and whoever stops the service does not wait
const CLOSE_MS = 5000;
const PATIENCE_MS = 5 * 60_000;
const TRY_AGAIN_MS = 1000;

/**
 * What meets a database that is away is tried again for some minutes: it was answered with success already.
 *
 * @param failed told of work that failed; nobody else is there to hear of it
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

/** Whether nothing of it was done that may not be done again, and it may succeed in a while. */
function isPassing(error: unknown): boolean {
  const code = requestErrorIn(error)?.code;
  // OVERLOADED: all connections are in use, each by somebody who waits for the database, or a lock is not let go
  return code === 'UNAVAILABLE' || code === 'OVERLOADED';
}
