import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Ending, endOnSignals } from '../src/ending.ts';

// the deadlines of those that ended as they should, for nobody exits here
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
afterEach(() => void vi.useRealTimers());

let now: number;
let exits: number[];
let signals: EventEmitter;
let ending: Ending;
beforeEach(() => {
  now = 1000;
  exits = [];
  signals = new EventEmitter();
  ending = endOnSignals(
    (code) => exits.push(code),
    () => now,
    signals as unknown as NodeJS.Process,
  );
});

it('ends a process at once that has not got ready', () => {
  signals.emit('SIGTERM', 'SIGTERM');
  expect(exits).toEqual([0]);
});

it('ends a process that is ready once all is done, and with a failure when that failed', async () => {
  const told: string[] = [];
  ending.endWith(
    async (signal) => void told.push(signal),
    () => told.push('given up'),
  );
  signals.emit('SIGINT', 'SIGINT');
  expect(exits).toEqual([]);
  await nextTurn();
  expect([told, exits]).toEqual([['SIGINT'], [0]]);
  const other = endOnSignals(
    (code) => exits.push(code),
    () => now,
    signals as unknown as NodeJS.Process,
  );
  other.endWith(
    () => Promise.reject(new Error('it hung')),
    () => told.push('given up'),
  );
  now += 100;
  signals.emit('SIGTERM', 'SIGTERM');
  await nextTurn();
  expect(exits).toEqual([0, 1]);
});

it('takes the same Ctrl-C that npm passes on for no second one', () => {
  let ended = 0;
  ending.endWith(() => {
    ended++;
    return new Promise(() => undefined);
  }, vi.fn());
  signals.emit('SIGINT', 'SIGINT');
  now += 7;
  signals.emit('SIGINT', 'SIGINT');
  signals.emit('SIGTERM', 'SIGTERM');
  expect([ended, exits]).toEqual([1, []]);
  now += 600;
  signals.emit('SIGINT', 'SIGINT');
  expect([ended, exits]).toEqual([1, [1]]);
});

it.each([0, 5000])(
  'ends a process that cannot end in order before it would be killed, and says so (%i ms later)',
  (delayMs) => {
    const gaveUp = vi.fn();
    ending.endWith(() => new Promise(() => undefined), gaveUp, delayMs);
    signals.emit('SIGTERM', 'SIGTERM');
    vi.advanceTimersByTime(delayMs + 15_000);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(4000);
    expect(gaveUp).toHaveBeenCalledOnce();
    expect(exits).toEqual([1]);
  },
);
