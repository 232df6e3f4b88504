import { randomBytes } from 'node:crypto';
import type { Keys } from './keyring.ts';
import { mac } from './mac.ts';

const CODES = 10;
// Crockford's base32: no I, L, O or U, which people misread
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CHARACTERS = 16;
const GROUP = /.{4}(?!$)/g;

/** Ten recovery codes of 80 random bits each, such as `7Q2M-1XKD-90TB-ZVHE`. */
export function createRecoveryCodes(): string[] {
  return Array.from({ length: CODES }, () => {
    const characters = Array.from(randomBytes(CHARACTERS), (byte) => ALPHABET.charAt(byte & 31));
    return characters.join('').replace(GROUP, '$&-');
  });
}

/**
 * Reads a recovery code as people write it: any case, with or without dashes and spaces, O for 0, I or L for 1.
 *
 * @returns the 16 characters, or `null` when it is no recovery code
 */
export function parseRecoveryCode(text: string): string | null {
  if (text.length > 64) return null;
  const code = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{16}$/.test(code) ? code : null;
}

/**
 * The digests, one for each key in use, that a user's recovery code is stored and found by. They are keyed, because 80
 * bits are too many to try online, but not too many to attack offline in a leaked table.
 */
export function recoveryCodeHashes(keys: Keys, userId: string, code: string): Buffer[] {
  return keys.map((key) => mac([key], userId, code));
}
