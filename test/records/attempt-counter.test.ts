import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import {
  clearAttempts,
  countLockedCounters,
  reserveAttempt,
  settleFailure,
  settleSuccess,
  withdrawAttempt,
} from '../../src/records/attempt-counter.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const LIMIT = { limit: 3, windowMs: 60_000 };

let app: TestApp;
let db: Db;
beforeAll(async () => {
  app = await createTestApp();
  db = app.app.deps.db;
});
afterAll(() => app.close());

const newKey = () => randomBytes(32);
const reserve = async (key: Buffer) => (await reserveAttempt(db, key, LIMIT, app.clock.now())).kind;
const fail = (key: Buffer) => settleFailure(db, key, LIMIT, app.clock.now());

async function failTimes(key: Buffer, times: number): Promise<boolean[]> {
  const locked: boolean[] = [];
  for (let i = 0; i < times; i++) {
    expect(await reserve(key)).toBe('GRANTED');
    locked.push(await fail(key));
  }
  return locked;
}

it('grants as many attempts as may fail, and says which failure locked it', async () => {
  const key = newKey();
  expect(await failTimes(key, 3)).toEqual([false, false, true]);
  const until = new Date(app.clock.now().getTime() + 60_000);
  expect(await reserveAttempt(db, key, LIMIT, app.clock.now())).toEqual({ kind: 'LOCKED', until });
  expect(await countLockedCounters(db, app.clock.now())).toBe(1);
  expect(await countLockedCounters(db, until)).toBe(0);
});

it('is busy while as many attempts are under way as may still fail', async () => {
  const key = newKey();
  for (let i = 0; i < 3; i++) expect(await reserve(key)).toBe('GRANTED');
  expect(await reserve(key)).toBe('BUSY');
  await fail(key);
  expect(await reserve(key)).toBe('BUSY');
  await withdrawAttempt(db, key);
  expect(await reserve(key)).toBe('GRANTED');
});

it('grants exactly as many of thirty at the same moment, from the first attempt on', async () => {
  for (let round = 0; round < 5; round++) {
    const key = newKey();
    const kinds = await Promise.all(Array.from({ length: 30 }, () => reserve(key)));
    // of the first ones only one makes the row; the others are told to come again
    const granted = kinds.filter((kind) => kind === 'GRANTED').length;
    expect(granted).toBeGreaterThanOrEqual(1);
    expect(granted).toBeLessThanOrEqual(3);
    expect(kinds).not.toContain('LOCKED');
  }
});

it('starts from zero after a success, and when nothing happened for as long as a lock lasts', async () => {
  const key = newKey();
  await failTimes(key, 2);
  await reserve(key);
  await settleSuccess(db, key);
  expect(await failTimes(key, 2)).toEqual([false, false]);
  app.clock.advance(60);
  expect(await failTimes(key, 3)).toEqual([false, false, true]);
  app.clock.advance(60);
  expect(await failTimes(key, 3)).toEqual([false, false, true]);
});

it('goes back to nothing when an attempt is taken back', async () => {
  const key = newKey();
  await failTimes(key, 2);
  for (let i = 0; i < 5; i++) {
    expect(await reserve(key)).toBe('GRANTED');
    await withdrawAttempt(db, key);
  }
  expect(await failTimes(key, 1)).toEqual([true]);
});

it('takes attempts that were never settled, as when an instance died, for failures', async () => {
  const key = newKey();
  for (let i = 0; i < 2; i++) await reserve(key);
  app.clock.advance(30);
  expect(await failTimes(key, 1)).toEqual([true]);
});

it('leaves one attempt when none was ever settled, so that an outage locks no owner out', async () => {
  const key = newKey();
  for (let i = 0; i < 3; i++) await reserve(key);
  app.clock.advance(29);
  expect(await reserve(key)).toBe('BUSY');
  app.clock.advance(1);
  expect(await reserve(key)).toBe('GRANTED');
  // one, and not as many as before
  expect(await reserve(key)).toBe('BUSY');
  await settleSuccess(db, key);
  expect(await failTimes(key, 2)).toEqual([false, false]);
});

it('takes the one attempt that is left for the last', async () => {
  const key = newKey();
  for (let i = 0; i < 3; i++) await reserve(key);
  app.clock.advance(30);
  expect(await failTimes(key, 1)).toEqual([true]);
  expect(await reserve(key)).toBe('LOCKED');
});

it('forgets everything that is cleared', async () => {
  const key = newKey();
  await failTimes(key, 3);
  expect(await clearAttempts(db, key)).toBe(true);
  expect(await clearAttempts(db, key)).toBe(false);
  expect(await failTimes(key, 3)).toEqual([false, false, true]);
});

it('settles what was cleared in between without harm', async () => {
  const key = newKey();
  await reserve(key);
  await clearAttempts(db, key);
  expect(await fail(key)).toBe(false);
  await settleSuccess(db, key);
  await withdrawAttempt(db, key);
  expect(await reserve(key)).toBe('GRANTED');
});
