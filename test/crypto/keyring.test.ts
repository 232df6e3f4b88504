import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyring, type KeyPurpose } from '../../src/crypto/keyring.ts';

const PURPOSES = Object.keys({
  'refresh-token': true,
  'device-token': true,
  'totp-secret': true,
  'signing-key': true,
  'recovery-code': true,
  'password-hint': true,
  mail: true,
  counter: true,
  pseudonym: true,
} satisfies Record<KeyPurpose, true>) as KeyPurpose[];

const [SECRET, OTHER] = [
  'a secret of more than thirty-two bytes',
  'another of more than 32 bytes...',
];

describe('createKeyring', () => {
  it('has a key of its own for each purpose and secret', () => {
    const keyring = createKeyring([SECRET, OTHER]);
    const all = PURPOSES.flatMap((purpose) =>
      keyring.keys(purpose).map((key) => key.toString('hex')),
    );
    expect(new Set(all).size).toBe(PURPOSES.length * 2);
    for (const key of all) expect(key).toHaveLength(64);
  });

  it('derives them as RFC 5869 says, so that they are the same on every instance and release', () => {
    for (const purpose of PURPOSES) {
      const expected = Buffer.from(hkdfSync('sha256', SECRET, 'latchkey', purpose, 32));
      expect(createKeyring([SECRET]).keys(purpose)).toEqual([expected]);
    }
  });

  it('puts the current secret first and keeps the order of the others', () => {
    const [current, old] = createKeyring([OTHER, SECRET]).keys('counter');
    expect(current).toEqual(createKeyring([OTHER]).keys('counter')[0]);
    expect(old).toEqual(createKeyring([SECRET]).keys('counter')[0]);
  });

  it('never gives two secrets the same key', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 32 }),
        fc.string({ minLength: 32 }),
        fc.constantFrom(...PURPOSES),
        (one, two, purpose) => {
          fc.pre(Buffer.from(one).compare(Buffer.from(two)) !== 0);
          const [first] = createKeyring([one]).keys(purpose);
          expect(createKeyring([two]).keys(purpose)[0].equals(first)).toBe(false);
        },
      ),
    );
  });
});
