import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '../../errors.ts';

/** Work that an answer must not wait for, because how long it takes would tell something. */
export interface Afterwards {
  /**
   * Takes work on, to be done in its turn once the answer is out.
   *
   * @throws {RequestError} OVERLOADED when too much waits already
   */
  add(work: () => Promise<void>): void;
  /** Resolves when everything that was taken on is done. */
  idle(): Promise<void>;
}

const LONGEST_LINE = 1000;
// the answer leaves a turn or two of the event loop after the work was taken on
const ANSWERED_MS = 20;

/** @param failed told of work that failed; nobody else is there to hear of it */
export function createAfterwards(failed: (error: unknown) => void): Afterwards {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  return {
    add(work) {
      if (waiting >= LONGEST_LINE) throw new RequestError('OVERLOADED', { retryAfter: 1 });
      waiting++;
      last = Promise.all([last, delay(ANSWERED_MS)])
        .then(work)
        .catch(failed)
        .finally(() => {
          waiting--;
        });
    },
    idle: () => last,
  };
}
