import type { Keys } from './keyring.ts';
import { mac } from './mac.ts';
import { normalizePassword } from './password.ts';

const HINT_BYTES = 1;

/**
 * One byte that rejects 255 of 256 wrong passwords without hashing them. It is a MAC, so without the key it reveals
 * nothing. It is only one byte, so even somebody with the key still has to hash one in 256 guesses, and cannot tell
 * from the hint alone that a guess is right.
 *
 * @param owner whose password it is, so that equal passwords have different hints
 */
export function passwordHint(keys: Keys, owner: string, password: string): Buffer {
  return mac(keys, owner, normalizePassword(password)).subarray(0, HINT_BYTES);
}

/** Whether a password may be the one that a hint was made from, under any of the keys. */
export function fitsHint(keys: Keys, hint: Buffer, owner: string, password: string): boolean {
  return keys.some((key) => passwordHint([key], owner, password).equals(hint));
}
