import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createDeadlines } from '../src/deadlines.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('ends each wait when its own time is up, and none that is over', () => {
  const deadlines = createDeadlines(100);
  const ended: string[] = [];
  const begin = (name: string) => deadlines(() => ended.push(name));
  begin('first');
  const finish = begin('finished');
  vi.advanceTimersByTime(60);
  begin('second');
  finish();
  vi.advanceTimersByTime(39);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ended).toEqual(['first']);
  vi.advanceTimersByTime(59);
  expect(ended).toEqual(['first']);
  vi.advanceTimersByTime(1);
  expect(ended).toEqual(['first', 'second']);
});

it('watches again after it had nothing to watch', () => {
  const deadlines = createDeadlines(100);
  const ended: string[] = [];
  deadlines(() => ended.push('never'))();
  vi.advanceTimersByTime(500);
  expect(vi.getTimerCount()).toBe(0);
  deadlines(() => ended.push('later'));
  vi.advanceTimersByTime(100);
  expect(ended).toEqual(['later']);
});

it('has one timer for any number of waits', () => {
  const deadlines = createDeadlines(100);
  for (let i = 0; i < 1000; i++) deadlines(() => undefined);
  expect(vi.getTimerCount()).toBe(1);
});
