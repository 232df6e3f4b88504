import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decrypt, encrypt } from '../../src/crypto/cipher.ts';
import type { Keys } from '../../src/crypto/keyring.ts';

const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const newKey = () => randomBytes(32);
const keys: Keys = [newKey()];
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

describe('encrypt and decrypt', () => {
  it('give back what they were given, in its own context', () => {
    fc.assert(
      fc.property(bytes, fc.string(), (plaintext, context) => {
        const sealed = encrypt(keys, plaintext, context);
        expect(decrypt(keys, sealed, context)).toEqual(plaintext);
      }),
    );
  });

  it('refuse a ciphertext that was moved to another context, such as another user', () => {
    fc.assert(
      fc.property(bytes, fc.string(), fc.string(), (plaintext, context, other) => {
        fc.pre(context !== other);
        const sealed = encrypt(keys, plaintext, context);
        expect(() => decrypt(keys, sealed, other)).toThrow();
      }),
    );
  });

  it('refuse a ciphertext in which any one bit was flipped', () => {
    const plaintext = Buffer.from('JBSWY3DPEHPK3PXP');
    const sealed = encrypt(keys, plaintext, 'ada');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const tampered = Buffer.from(sealed);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decrypt(keys, tampered, 'ada'), `bit ${bit}`).toThrow();
    }
  });

  it('refuse a ciphertext that was cut off anywhere, its tag too', () => {
    const sealed = encrypt(keys, Buffer.from('secret'), 'ada');
    for (let length = 0; length < sealed.length; length++) {
      expect(() => decrypt(keys, sealed.subarray(0, length), 'ada'), `${length}`).toThrow();
    }
  });

  it('never use a nonce twice', () => {
    const nonces = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      const sealed = encrypt(keys, Buffer.alloc(0), '');
      nonces.add(sealed.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES).toString('hex'));
    }
    expect(nonces.size).toBe(10_000);
  });

  it('hide the plaintext, and cost 32 bytes more than it', () => {
    const plaintext = Buffer.from('JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP');
    const sealed = encrypt(keys, plaintext, 'ada');
    expect(sealed.includes(plaintext.subarray(0, 8))).toBe(false);
    expect(sealed.length).toBe(plaintext.length + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES);
  });

  it('encrypt under the current key, and decrypt under every key that is left', () => {
    const old = newKey();
    const current = newKey();
    const underOld = encrypt([old], Buffer.from('secret'), 'ada');
    const underCurrent = encrypt([current, old], Buffer.from('secret'), 'ada');
    expect(decrypt([current, old], underOld, 'ada').toString()).toBe('secret');
    expect(decrypt([current], underCurrent, 'ada').toString()).toBe('secret');
    expect(() => decrypt([current], underOld, 'ada')).toThrow(/AUTH_SECRET/);
  });

  it('say nothing of key or plaintext when they refuse', () => {
    const key = newKey();
    const sealed = encrypt([key], Buffer.from('open sesame'), 'ada');
    const messages = [
      () => decrypt([key], sealed, 'bob'),
      () => decrypt([newKey()], sealed, 'ada'),
    ].map((attempt) => {
      try {
        attempt();
        return 'decrypted';
      } catch (error) {
        return String(error);
      }
    });
    for (const message of messages) {
      expect(message).not.toContain('open sesame');
      expect(message).not.toContain(key.toString('hex'));
      expect(message).not.toBe('decrypted');
    }
  });
});
