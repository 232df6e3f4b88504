import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '../../errors.ts';

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

/** @param failed told of work that failed; nobody else is there to hear of it */
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
      last = Promise.all([last, delay(ANSWERED_MS)])
        .then(() => (isClosed ? undefined : work()))
        .catch(failed)
        .finally(() => {
          waiting--;
        });
    },
    idle: () => last,
    async close() {
      isClosing = true;
      const patience = new AbortController();
      const tooLong = delay(closeMs, undefined, { signal: patience.signal }).catch(() => {});
      await Promise.race([last, tooLong]);
      patience.abort();
      isClosed = true;
      return waiting;
    },
  };
}
