import { expect, it } from 'vitest';
import { takesEncoding } from '../../src/http/accept-encoding.ts';

it.each([
  ['gzip, deflate, br', true],
  ['BR', true],
  ['br;q=0.001', true],
  ['br ; q=1.0', true],
  ['*', true],
  ['gzip;q=0, *', true],
  ['*;q=0, br', true],
  ['br;q=0', false],
  ['br; Q=0.000', false],
  ['gzip, br;q=0.', false],
  ['br;q=0, *', false],
  ['*;q=0', false],
  ['identity', false],
  ['x-br', false],
  ['brotli-br', false],
  ['', false],
])('reads %j', (accepted, expected) => {
  expect(takesEncoding(accepted, 'br')).toBe(expected);
});
