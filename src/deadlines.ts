import { setTimeout as delay } from 'node:timers/promises';

/** Begins a wait that `expire` ends when it takes too long. @returns what to call when it is over */
export type Deadlines = (expire: () => void) => () => void;

interface Wait {
  readonly endsAt: number;
  readonly expire: () => void;
}

/**
 * Watches over waits that may all take the same time, with one timer for all of them. Measured: a timer of its own for
 * each statement, and one for its connection, cost a third of what the statement itself does.
 *
 * @param ms how long a wait may take
 */
export function createDeadlines(ms: number): Deadlines {
  // a Set keeps the order of insertion, which is the order in which they end
  const waits = new Set<Wait>();
  let isWatching = false;

  const watch = () => {
    const [first] = waits;
    isWatching = first !== undefined;
    if (first === undefined) return;
    setTimeout(endOverdue, Math.max(1, first.endsAt - performance.now())).unref();
  };

  const endOverdue = () => {
    const now = performance.now();
    for (const wait of waits) {
      if (wait.endsAt > now) break;
      waits.delete(wait);
      wait.expire();
    }
    watch();
  };

  return (expire) => {
    const wait = { endsAt: performance.now() + ms, expire };
    waits.add(wait);
    if (!isWatching) watch();
    return () => waits.delete(wait);
  };
}

/**
 * Waits for work, and for no longer than that; the work itself goes on.
 *
 * @throws what the work throws within that time
 */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const tooLong = delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    await Promise.race([work, tooLong]);
  } finally {
    over.abort();
  }
}
