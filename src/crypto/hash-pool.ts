import { RequestError } from '../errors.ts';

/** Runs heavy work, a bounded number at a time, with a bounded queue. */
export interface HashPool {
  /**
   * @throws {RequestError} OVERLOADED at once when the queue is full: a queue that grows without bound answers
   *   everybody too late and then dies
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Throws as `run` would now, so that nothing need be begun that could not be hashed. */
  assertRoom(): void;
  readonly running: number;
  readonly queued: number;
}

/** Told of what a pool does; times are in milliseconds. */
export interface HashPoolWatch {
  done(waitedMs: number, tookMs: number): void;
  refused(): void;
}

const THREADS_OF_LIBUV = 4;

/**
 * How many hashes to run at a time. They run in libuv's threads, and jose's WebCrypto waits in the same ones: one is left to it.
 *
 * @param threads what `UV_THREADPOOL_SIZE` says
 */
export function hashesAtOnce(cores: number, threads: string | undefined): number {
  return Math.max(1, Math.min(cores, (Number(threads) || THREADS_OF_LIBUV) - 1));
}

/**
 * @param concurrency at the most as many as there are cores, and fewer than libuv has threads: with more nothing is hashed
 *   sooner, and the first request by each token waits.
 * @param queue how many may wait
 */
export function createHashPool(
  options: { concurrency: number; queue: number },
  watch?: HashPoolWatch,
): HashPool {
  const waiting: (() => void)[] = [];
  let running = 0;
  // what the work took lately, to say when trying again makes sense
  let averageMs = 50;

  const next = () => {
    const start = waiting.shift();
    if (start === undefined) running--;
    else start();
  };

  const assertRoom = () => {
    if (running < options.concurrency || waiting.length < options.queue) return;
    watch?.refused();
    const seconds = Math.ceil((waiting.length * averageMs) / options.concurrency / 1000);
    throw new RequestError('OVERLOADED', { retryAfter: Math.max(1, seconds) });
  };

  return {
    assertRoom,
    get running() {
      return running;
    },
    get queued() {
      return waiting.length;
    },
    async run(work) {
      const asked = performance.now();
      if (running >= options.concurrency) {
        assertRoom();
        // whoever finishes hands its place on, so `running` stays as it is
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        running++;
      }
      const started = performance.now();
      try {
        return await work();
      } finally {
        const tookMs = performance.now() - started;
        averageMs += (tookMs - averageMs) / 20;
        watch?.done(started - asked, tookMs);
        next();
      }
    },
  };
}
