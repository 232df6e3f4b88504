import { describe, expect, it } from 'vitest';
import { createKeyring } from '../../src/crypto/keyring.ts';
import { fitsHint, passwordHint } from '../../src/crypto/password-hint.ts';

const [SECRET, OTHER] = [
  'a secret of more than thirty-two bytes',
  'another of more than 32 bytes...',
];
const keysOf = (secrets: [string, ...string[]]) => createKeyring(secrets).keys('password-hint');
const KEYS = keysOf([SECRET]);
const OWNER = 'ada@example.com';
const PASSWORD = 'Åse’s four words';

describe('passwordHint', () => {
  const hint = passwordHint(KEYS, OWNER, PASSWORD);

  it('is one byte, which fits the password in every spelling that is hashed alike', () => {
    expect(hint).toHaveLength(1);
    for (const form of ['NFC', 'NFD'] as const) {
      expect(fitsHint(KEYS, hint, OWNER, PASSWORD.normalize(form))).toBe(true);
    }
  });

  it('fits about one wrong password in 256, and nearly no password of another owner or secret', () => {
    const tries = Array.from({ length: 5120 }, (_, i) => String(i));
    const fitting = (fits: (text: string) => boolean) => tries.filter(fits).length;
    const passwords = fitting((text) => fitsHint(KEYS, hint, OWNER, text));
    const owners = fitting((text) => fitsHint(KEYS, hint, text, PASSWORD));
    const secrets = fitting((text) => fitsHint(keysOf([OTHER + text]), hint, OWNER, PASSWORD));
    for (const count of [passwords, owners, secrets]) {
      expect(count).toBeGreaterThan(2);
      expect(count).toBeLessThan(50);
    }
  });

  it('fits after the secret was rotated, for as long as the former one is kept', () => {
    expect(fitsHint(keysOf([OTHER, SECRET]), hint, OWNER, PASSWORD)).toBe(true);
    expect(fitsHint(keysOf([OTHER]), hint, OWNER, PASSWORD)).toBe(false);
  });
});
