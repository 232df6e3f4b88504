import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keys } from '../../src/crypto/keyring.ts';
import { isMac, mac } from '../../src/crypto/mac.ts';

const keys: Keys = [randomBytes(32)];
const parts = fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 });

describe('mac', () => {
  it('is HMAC-SHA256 over length-prefixed parts', () => {
    const expected = createHmac('sha256', keys[0])
      .update(Buffer.from([0, 0, 0, 1]))
      .update('a')
      .update(Buffer.from([0, 0, 0, 2]))
      .update('bc')
      .digest();
    expect(mac(keys, 'a', 'bc')).toEqual(expected);
  });

  it('does not let parts run into each other', () => {
    fc.assert(
      fc.property(parts, parts, (some, others) => {
        fc.pre(JSON.stringify(some) !== JSON.stringify(others));
        expect(mac(keys, ...some).equals(mac(keys, ...others))).toBe(false);
      }),
    );
    const told = ['1,23', '12,3', '1,2,3', '123', ',123', '123,'].map((text) =>
      mac(keys, ...text.split(',')).toString('hex'),
    );
    expect(new Set(told).size).toBe(told.length);
  });

  it('takes text and its bytes for the same', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text.isWellFormed());
        expect(mac(keys, text)).toEqual(mac(keys, Buffer.from(text)));
      }),
    );
  });

  it('recognises what any of the keys made, and nothing else', () => {
    const [old, current] = [randomBytes(32), randomBytes(32)];
    expect(isMac([current, old], mac([old], 'x'), 'x')).toBe(true);
    expect(isMac([current, old], mac([current], 'x'), 'x')).toBe(true);
    expect(isMac([current], mac([old], 'x'), 'x')).toBe(false);
    expect(isMac([current], mac([current], 'x'), 'y')).toBe(false);
    expect(isMac([current], mac([current], 'x'), 'x', '')).toBe(false);
  });

  it('refuses a MAC of another length, empty or longer, without a throw', () => {
    const right = mac(keys, 'x');
    for (const presented of [
      Buffer.alloc(0),
      right.subarray(0, 31),
      Buffer.concat([right, Buffer.alloc(1)]),
      Buffer.alloc(1_000_000),
    ]) {
      expect(isMac(keys, presented, 'x')).toBe(false);
    }
  });

  it('refuses a MAC in which any one bit was flipped', () => {
    const right = mac(keys, 'x');
    for (let bit = 0; bit < right.length * 8; bit++) {
      const tampered = Buffer.from(right);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isMac(keys, tampered, 'x')).toBe(false);
    }
  });
});
