/** A clock that only moves when a test advances it. */
export interface TestClock {
  now(): Date;
  /** Advances the clock by this many seconds; a negative number sets it back. */
  advance(seconds: number): void;
}

export function createTestClock(start = new Date()): TestClock {
  let ms = start.getTime();
  return {
    now: () => new Date(ms),
    advance(seconds) {
      ms += seconds * 1000;
    },
  };
}
