import { expect, it } from 'vitest';
import { jsonText } from '../../src/cli/json-text.ts';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i));

it.each([
  ['control characters', [...range(0, 0x1f), ...range(0x7f, 0x9f)]],
  ['separators of lines', ['\u2028', '\u2029']],
  [
    'what turns text around',
    ['\u061c', '\u200e', '\u200f', ...range(0x202a, 0x202e), ...range(0x2066, 0x2069)],
  ],
])('escapes %s, and reads back as the same', (_what, characters) => {
  for (const character of characters) {
    const value = { [`name ${character}`]: `evil${character}31m` };
    expect(jsonText(value)).toMatch(/^[ -~]*$/);
    expect(JSON.parse(jsonText(value))).toEqual(value);
  }
});

it('leaves everything else readable', () => {
  expect(jsonText({ name: 'Zoë 👩‍💻 علي', none: null })).toBe(
    '{"name":"Zoë 👩‍💻 علي","none":null}',
  );
  expect(jsonText([1], 2)).toBe('[\n  1\n]');
});
