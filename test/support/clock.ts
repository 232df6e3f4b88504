/** A clock that stands still until a test moves it. */
export interface TestClock {
  now(): Date;
  /** Moves it by so many seconds, back when negative. */
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
