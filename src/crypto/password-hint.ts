import type { Keys } from './keyring.ts';
import { mac } from './mac.ts';
import { normalizePassword } from './password.ts';

const HINT_BYTES = 1;

/**
 * One byte that tells 255 of 256 wrong passwords without hashing them: a MAC, so that it says nothing without the key, and
 * so little of one that with the key it still leaves a guesser everything to hash.
 *
 * @param owner whose password it is, so that equal ones have different hints
 */
export function passwordHint(keys: Keys, owner: string, password: string): Buffer {
  return mac(keys, owner, normalizePassword(password)).subarray(0, HINT_BYTES);
}

/** Whether a password may be the one that a hint was made of, under any of the keys. */
export function fitsHint(keys: Keys, hint: Buffer, owner: string, password: string): boolean {
  return keys.some((key) => passwordHint([key], owner, password).equals(hint));
}
