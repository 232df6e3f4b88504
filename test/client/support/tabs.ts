import type { Locks } from '../../../packages/client/src/index.ts';

/** Web Locks as a browser has them, for tabs of one browser: one holder of a name, the others in their order. */
export function createLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  return {
    request(name, work) {
      const done = (tails.get(name) ?? Promise.resolve()).then(work, work);
      tails.set(
        name,
        done.catch(() => {}),
      );
      return done;
    },
  };
}
