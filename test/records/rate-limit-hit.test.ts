import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordHit, windowEnd } from '../../src/records/rate-limit-hit.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const hit = (key: Buffer) => recordHit(app.app.deps.db, key, 60_000, app.clock.now());
const newKey = () => randomBytes(16);

it('counts from one, and anew when the window is over, which starts with its first hit', async () => {
  const key = newKey();
  const end = new Date(app.clock.now().getTime() + 60_000);
  expect([await hit(key), await hit(key), await hit(key)]).toEqual([1, 2, 3]);
  app.clock.advance(59);
  expect(await hit(key)).toBe(4);
  expect(await windowEnd(app.app.deps.db, key)).toEqual(end);
  app.clock.advance(1);
  expect([await hit(key), await hit(key)]).toEqual([1, 2]);
  expect(await windowEnd(app.app.deps.db, newKey())).toBeNull();
});

it('gives each of fifty hits at the same moment a number of its own', async () => {
  for (let round = 0; round < 3; round++) {
    const key = newKey();
    const numbers = await Promise.all(Array.from({ length: 50 }, () => hit(key)));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  }
});
