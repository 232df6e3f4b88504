import { expect, it, vi } from 'vitest';
import { RequestError } from '../../../src/errors.ts';
import { createAfterwards } from '../../../src/flows/steps/afterwards.ts';

const fail = (error: unknown) => {
  throw error;
};

it('does what it was given in its turn, and says when all is done', async () => {
  const afterwards = createAfterwards(fail);
  const done: number[] = [];
  for (const n of [1, 2, 3]) afterwards.add(async () => void done.push(n));
  await afterwards.idle();
  expect(done).toEqual([1, 2, 3]);
  expect(await afterwards.close()).toBe(0);
});

it('tells of work that failed, and goes on', async () => {
  const failures: unknown[] = [];
  const afterwards = createAfterwards((error) => failures.push(error));
  const failure = new Error('no database');
  let isDone = false;
  afterwards.add(() => Promise.reject(failure));
  afterwards.add(async () => {
    isDone = true;
  });
  expect(await afterwards.close()).toBe(0);
  expect({ failures, isDone }).toEqual({ failures: [failure], isDone: true });
});

it('takes on a bounded amount', () => {
  const afterwards = createAfterwards(fail);
  const add = () => afterwards.add(async () => undefined);
  for (let i = 0; i < 1000; i++) add();
  expect(add).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});

it('ends soon, whatever it waits for, and drops what has not begun', async () => {
  const afterwards = createAfterwards(fail, 100);
  let answer: () => void = () => {};
  const begun: number[] = [];
  const begin = (n: number) =>
    afterwards.add(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    });
  for (const n of [1, 2, 3]) begin(n);
  expect(await afterwards.close()).toBe(3);
  answer();
  await afterwards.idle();
  expect(begun).toEqual([1]);
  // whoever asks now is told so, and does not wait for a mail in vain
  expect(() => begin(4)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});

it.each([
  ['UNAVAILABLE', 2],
  ['OVERLOADED', 2],
  ['OUTCOME_UNKNOWN', 1],
] as const)('where the database says %s, tries %i times', async (code, times) => {
  const failures: unknown[] = [];
  const afterwards = createAfterwards((error) => failures.push(error));
  const failure = new Error('a query failed', { cause: new RequestError(code) });
  let tries = 0;
  afterwards.add(async () => {
    tries++;
    if (tries === 1) throw failure;
  });
  await afterwards.idle();
  expect({ tries, failures }).toEqual({ tries: times, failures: times === 1 ? [failure] : [] });
});

it('tries for five minutes, and then says what failed', async () => {
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  const failures: unknown[] = [];
  const afterwards = createAfterwards((error) => failures.push(error));
  let tries = 0;
  afterwards.add(async () => {
    tries++;
    now += 299_000;
    if (tries > 2) return;
    throw new RequestError('UNAVAILABLE');
  });
  await afterwards.idle().finally(() => clock.mockRestore());
  expect({ tries, failures }).toMatchObject({ tries: 2, failures: [{ code: 'UNAVAILABLE' }] });
});
