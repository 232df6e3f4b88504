import { describe, expect, it } from 'vitest';
import { createHashPool, hashesAtOnce } from '../../src/crypto/hash-pool.ts';
import { RequestError } from '../../src/errors.ts';

/** Work that goes on until it is told to stop. */
function heldWork() {
  let finish = () => {};
  let fail = () => {};
  const held = new Promise<string>((resolve, reject) => {
    finish = () => resolve('done');
    fail = () => reject(new Error('broken'));
  });
  return { work: () => held, finish, fail };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it.each([
  [1, undefined, 1],
  [2, undefined, 2],
  [8, undefined, 3],
  [8, '10', 8],
  [8, '1', 1],
])('with %i cores and %s threads leaves one thread to others', (cores, threads, hashes) => {
  expect(hashesAtOnce(cores, threads)).toBe(hashes);
});

describe('createHashPool', () => {
  it('runs as much at a time as it may, and the rest in the order it came', async () => {
    const pool = createHashPool({ concurrency: 2, queue: 10 });
    const started: number[] = [];
    let most = 0;
    const work = async (n: number) => {
      started.push(n);
      most = Math.max(most, pool.running);
      await settled();
    };
    await Promise.all(Array.from({ length: 10 }, (_, n) => pool.run(() => work(n))));
    expect(most).toBe(2);
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([pool.running, pool.queued]).toEqual([0, 0]);
  });

  it('answers OVERLOADED at once when the queue is full, and says when to come again', async () => {
    const pool = createHashPool({ concurrency: 1, queue: 2 });
    const held = heldWork();
    const accepted = [pool.run(held.work), pool.run(held.work), pool.run(held.work)];
    expect([pool.running, pool.queued]).toEqual([1, 2]);
    let ran = false;
    const refused = await pool.run(async () => (ran = true)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RequestError);
    expect(refused).toMatchObject({ code: 'OVERLOADED', retryAfter: expect.any(Number) });
    expect(refused).toHaveProperty(
      'retryAfter',
      expect.toSatisfy((s: number) => s >= 1),
    );
    expect(ran).toBe(false);
    held.finish();
    expect(await Promise.all(accepted)).toEqual(['done', 'done', 'done']);
    expect(await pool.run(async () => 'again')).toBe('again');
  });

  it('loses no place when work fails, by a rejection or a throw', async () => {
    const pool = createHashPool({ concurrency: 2, queue: 100 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        pool.run((): Promise<number> => {
          if (n % 3 === 0) throw new Error('thrown');
          return n % 3 === 1 ? Promise.reject(new Error('rejected')) : Promise.resolve(n);
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect([pool.running, pool.queued]).toEqual([0, 0]);
    const held = [heldWork(), heldWork()];
    const both = held.map(({ work }) => pool.run(work));
    await settled();
    // both places are still there
    expect([pool.running, pool.queued]).toEqual([2, 0]);
    for (const { finish } of held) finish();
    await Promise.all(both);
  });

  it('hands a failed place to the one who waits', async () => {
    const pool = createHashPool({ concurrency: 1, queue: 5 });
    const held = heldWork();
    const first = pool.run(held.work);
    const second = pool.run(async () => 'second');
    held.fail();
    await expect(first).rejects.toThrow('broken');
    expect(await second).toBe('second');
  });
});
