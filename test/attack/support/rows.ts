import { expect } from 'vitest';
import { storedValues } from '../../support/account.ts';
import type { TestApp } from '../../support/app.ts';

/** Runs an attack and fails when a single value in any table is another one afterwards. */
export async function changingNothing<T>(app: TestApp, attack: () => Promise<T>): Promise<T> {
  const before = await allRows(app);
  const result = await attack();
  expect(await allRows(app)).toEqual(before);
  return result;
}

async function allRows(app: TestApp): Promise<string[]> {
  const values = await storedValues(app);
  return values.map(({ place, bytes }) => `${place} ${bytes.toString('hex')}`);
}

/** Runs things a few at a time: as many as there are connections, so that none waits for one too long. */
export async function inTurns<In, Out>(
  items: readonly In[],
  run: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < items.length; start += 8) {
    results.push(...(await Promise.all(items.slice(start, start + 8).map(run))));
  }
  return results;
}
