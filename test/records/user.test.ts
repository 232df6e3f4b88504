import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Problems, readEmail, readUsername } from '../../src/input.ts';
import { identifierKey } from '../../src/records/user.ts';

it.each([
  ['case', 'Ada@Example.COM', 'ada@example.com'],
  ['outer space', '\t ada \n', 'ada'],
  ['composed accents', 'É'.normalize('NFD'), 'é'],
  ['width', 'ＡＤＡ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ada@example.com'],
  ['ligatures', 'oﬃce', 'office'],
  ['the Kelvin sign', '\u212Aelvin', 'kelvin'],
  ['the dotted capital I', 'İ', 'i\u0307'],
  ['Cherokee', 'Ꭰ', 'ꭰ'],
])('compares names without regard to %s', (_what, text, key) => {
  expect(identifierKey(text)).toBe(key);
});

it.each([
  ['accents', 'élise', 'elise'],
  ['ß', 'groß', 'gross'],
  ['Cyrillic and Latin', 'аda', 'ada'],
  ['dots', 'a.da@example.com', 'ada@example.com'],
  ['tags', 'ada+tag@example.com', 'ada@example.com'],
  ['inner space', 'a da', 'ada'],
])('tells names apart by %s', (_what, one, other) => {
  expect(identifierKey(one)).not.toBe(identifierKey(other));
});

it('makes a key of a key of no name that is allowed: it is one already', () => {
  const isAllowed = (text: string) => {
    const problems: [Problems, Problems] = [[], []];
    readUsername('username', text, problems[0]);
    readEmail('email', text, problems[1]);
    return problems.some((found) => found.length === 0);
  };
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }), (part) => {
      for (const name of [`a${part}b`, `${part}a@example.com`, `a${part}@example.com`]) {
        if (!isAllowed(name)) continue;
        const key = identifierKey(name);
        expect(identifierKey(key)).toBe(key);
        // what is allowed as it was typed is allowed as it is compared, and no longer than the column
        expect([...key].length).toBeLessThanOrEqual(254);
        expect(key.includes('@')).toBe(name.includes('@'));
      }
    }),
    { numRuns: 1000, seed: 20261120 },
  );
});
