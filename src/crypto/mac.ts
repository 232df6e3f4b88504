import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Keys } from './keyring.ts';

/** HMAC-SHA256 (RFC 2104) under the current key. Parts are length-prefixed, so that they cannot run into each other. */
export function mac(keys: Keys, ...parts: readonly (string | Buffer)[]): Buffer {
  return digest(keys[0], parts);
}

/** Whether `presented` is the MAC of the parts under any of the keys, compared in constant time. */
export function isMac(
  keys: Keys,
  presented: Buffer,
  ...parts: readonly (string | Buffer)[]
): boolean {
  let matches = false;
  for (const key of keys) {
    const expected = digest(key, parts);
    if (presented.length === expected.length && timingSafeEqual(presented, expected)) {
      matches = true;
    }
  }
  return matches;
}

function digest(key: Buffer, parts: readonly (string | Buffer)[]): Buffer {
  const hmac = createHmac('sha256', key);
  const length = Buffer.alloc(4);
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    length.writeUInt32BE(bytes.length);
    hmac.update(length).update(bytes);
  }
  return hmac.digest();
}
