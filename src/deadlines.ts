import { setTimeout as delay } from 'node:timers/promises';

/** Starts a deadline that calls `expire` when it passes. @returns a function that cancels it */
export type Deadlines = (expire: () => void) => () => void;

interface Wait {
  readonly endsAt: number;
  readonly expire: () => void;
}

/**
 * Enforces one fixed deadline on many concurrent waits with a single timer. Measured: a separate timer for each
 * statement and one for its connection cost a third of what the statement itself costs.
 *
 * @param ms how long each wait may take
 */
export function createDeadlines(ms: number): Deadlines {
  // a Set keeps insertion order; all waits take equally long, so the first inserted ends first
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
 * Waits for work to finish, but at most `ms` milliseconds; the work itself continues.
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
