import { RequestError } from '../errors.ts';

/** Runs heavy work, a bounded number at a time, with a bounded queue. */
export interface HashPool {
  /**
   * @throws {RequestError} OVERLOADED at once when the queue is full: a queue without a bound answers everybody too
   *   late, and then runs out of memory
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Throws OVERLOADED if `run` would, so that callers begin nothing that could not be hashed. */
  assertRoom(): void;
  readonly running: number;
  readonly queued: number;
}

/** Observes a pool; times are in milliseconds. */
export interface HashPoolWatch {
  done(waitedMs: number, tookMs: number): void;
  refused(): void;
}

const THREADS_OF_LIBUV = 4;

/**
 * How many hashes to run at a time. They run in libuv's threads, which jose's WebCrypto needs as well, so one thread is
 * left to it.
 *
 * @param threads the value of `UV_THREADPOOL_SIZE`
 */
export function hashesAtOnce(cores: number, threads: string | undefined): number {
  return Math.max(1, Math.min(cores, (Number(threads) || THREADS_OF_LIBUV) - 1));
}

/**
 * @param options.concurrency at most the number of cores, and less than libuv's number of threads. With more, nothing
 *   would be hashed sooner, and the first request with each token would wait.
 * @param options.queue how many may wait
 */
export function createHashPool(
  options: { concurrency: number; queue: number },
  watch?: HashPoolWatch,
): HashPool {
  const waiting: (() => void)[] = [];
  let running = 0;
  // how long the work took lately, to tell refused callers when to try again
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
        // a finished caller hands its place to the next, so `running` stays the same
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
