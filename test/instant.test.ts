import { expect, it } from 'vitest';
import { readInstant } from '../src/instant.ts';

it.each([
  ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31T12:00:00.123Z', '2026-01-31T12:00:00.123Z'],
  ['2026-03-01T00:30:00+01:00', '2026-02-28T23:30:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
])('reads %s', (text, instant) => {
  expect(readInstant(text)?.toISOString()).toBe(instant);
});

it.each([
  '2026-02-30T00:00:00Z',
  '2026-02-29T12:00:00+14:00',
  '2026-04-31',
  '2026-13-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-31T25:00:00Z',
  '2026-01-31T12:00:00Zulu',
  'Feb 30 2026',
  'yesterday',
  '',
])('refuses %j', (text) => {
  expect(readInstant(text)).toBeUndefined();
});
