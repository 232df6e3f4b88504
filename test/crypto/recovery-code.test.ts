import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keys } from '../../src/crypto/keyring.ts';
import {
  createRecoveryCodes,
  parseRecoveryCode,
  recoveryCodeHashes,
} from '../../src/crypto/recovery-code.ts';

/** Text of any UTF-16 code units at all, lone surrogates too. */
const anyText = fc.uint16Array({ maxLength: 80 }).map((units) => String.fromCharCode(...units));
const FORM = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/;

describe('createRecoveryCodes', () => {
  it('makes ten codes that are all different', () => {
    const codes = createRecoveryCodes();
    expect(codes).toHaveLength(10);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(FORM);
  });

  it('draws each character from the whole alphabet, without a bias that 16,000 draws would show', () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 100; n++) {
      for (const character of createRecoveryCodes().join('').replaceAll('-', '')) {
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    // 500 of each are expected; a standard deviation is 22, so that these bounds are eight of them away
    expect(counts.size).toBe(32);
    for (const [character, count] of counts) {
      expect(count, character).toBeGreaterThan(320);
      expect(count, character).toBeLessThan(680);
    }
  });
});

describe('parseRecoveryCode', () => {
  const [code = ''] = createRecoveryCodes();
  const plain = code.replaceAll('-', '');

  it('takes a code however people write it down', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.constantFrom('', '-', ' ', '- ', '\t')), {
          minLength: 16,
          maxLength: 16,
        }),
        (spelling) => {
          const written = [...plain]
            .map((c, i) => (spelling[i]?.[0] ? c.toLowerCase() : c) + (spelling[i]?.[1] ?? ''))
            .join('');
          expect(parseRecoveryCode(written)).toBe(plain);
        },
      ),
    );
  });

  it('reads O as 0, and I and L as 1', () => {
    expect(parseRecoveryCode('OoIi-Ll01-0000-0000')).toBe('0011110100000000');
  });

  it.each([
    ['nothing', ''],
    ['dashes alone', '----'],
    ['fifteen characters', 'ABCD-EFGH-JKMN-PQR'],
    ['seventeen characters', 'ABCD-EFGH-JKMN-PQRS-T'],
    ['a letter that is in no code', 'ABCD-EFGH-JKMN-PQRU'],
    ['digits of another script', '０１２３-4567-89AB-CDEF'],
    ['letters that look alike', 'АBCD-EFGH-JKMN-PQRS'],
    ['a null', 'ABCD-EFGH-JKMN-PQR\0'],
    ['a TOTP code', '123456'],
    ['SQL', "' or '1'='1' -- x"],
    ['spaces without end', `${' '.repeat(1_000_000)}`],
    ['a code behind many spaces', `${' '.repeat(60)}ABCD-EFGH-JKMN-PQRS`],
  ])('refuses %s', (_what, text) => {
    expect(parseRecoveryCode(text)).toBeNull();
  });

  it('answers anything at all', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const parsed = parseRecoveryCode(text);
        expect(parsed === null || /^[0-9A-HJKMNP-TV-Z]{16}$/.test(parsed)).toBe(true);
      }),
    );
  });
});

describe('recoveryCodeHashes', () => {
  it('gives one digest for each key, which says whose code it is', () => {
    const keys: Keys = [randomBytes(32), randomBytes(32)];
    const hashes = recoveryCodeHashes(keys, 'ada', '0123456789ABCDEF');
    expect(hashes).toHaveLength(2);
    expect(hashes).toEqual(recoveryCodeHashes(keys, 'ada', '0123456789ABCDEF'));
    const others = [
      ...recoveryCodeHashes(keys, 'bob', '0123456789ABCDEF'),
      ...recoveryCodeHashes(keys, 'ada', '0123456789ABCDEG'),
      ...recoveryCodeHashes(keys, 'ada0', '123456789ABCDEF'),
    ];
    expect(new Set([...hashes, ...others].map((hash) => hash.toString('hex'))).size).toBe(8);
  });
});
