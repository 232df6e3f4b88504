import { hkdfSync } from 'node:crypto';

/** What a derived key is for. A key serves one purpose only, so that a value made for one is worthless for another. */
export type KeyPurpose =
  | 'refresh-token'
  | 'device-token'
  | 'totp-secret'
  | 'signing-key'
  | 'recovery-code'
  | 'password-hint'
  | 'mail'
  | 'counter'
  | 'pseudonym';

/** The keys of one purpose: the current one first, then those that still verify and decrypt. */
export type Keys = readonly [Buffer, ...Buffer[]];

/** All keys of the service, derived from AUTH_SECRET. */
export interface Keyring {
  keys(purpose: KeyPurpose): Keys;
}

/**
 * Derives the service's keys (HKDF-SHA256, RFC 5869), one for each purpose and secret.
 *
 * @param secrets the entries of AUTH_SECRET, the current one first
 */
export function createKeyring(secrets: readonly [string, ...string[]]): Keyring {
  const derived = new Map<KeyPurpose, Keys>();
  return {
    keys(purpose) {
      let keys = derived.get(purpose);
      if (keys === undefined) {
        const [current, ...older] = secrets;
        keys = [derive(current, purpose), ...older.map((secret) => derive(secret, purpose))];
        derived.set(purpose, keys);
      }
      return keys;
    },
  };
}

function derive(secret: string, purpose: KeyPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'latchkey', purpose, 32));
}
