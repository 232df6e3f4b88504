import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Keys } from './keyring.ts';

const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts with AES-256-GCM under the current key.
 *
 * @param context what the ciphertext belongs to, such as a user's id: it is authenticated, so that a ciphertext
 *   moved to another row does not decrypt there
 * @returns key id (4 bytes), nonce (12), tag (16) and ciphertext
 */
export function encrypt(keys: Keys, plaintext: Buffer, context: string): Buffer {
  const key = keys[0];
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([keyId(key), nonce, cipher.getAuthTag(), ciphertext]);
}

/**
 * Decrypts what `encrypt` made under any of the keys.
 *
 * @throws {MissingSecretError} when it was encrypted under none of these keys
 * @throws {Error} when the bytes or the context are not those that were encrypted
 */
export function decrypt(keys: Keys, sealed: Buffer, context: string): Buffer {
  const id = sealed.subarray(0, KEY_ID_BYTES);
  const key = keys.find((candidate) => keyId(candidate).equals(id));
  if (key === undefined) throw new MissingSecretError();
  const nonce = sealed.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES);
  const tagEnd = KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(KEY_ID_BYTES + NONCE_BYTES, tagEnd));
  return Buffer.concat([decipher.update(sealed.subarray(tagEnd)), decipher.final()]);
}

/** What every ciphertext made under the current key begins with. */
export function currentKeyId(keys: Keys): Buffer {
  return keyId(keys[0]);
}

/** What ciphertexts made under any of the keys begin with. */
export function keyIds(keys: Keys): Buffer[] {
  return keys.map(keyId);
}

/** Something was encrypted under an entry that AUTH_SECRET no longer has. */
export class MissingSecretError extends Error {
  override name = 'MissingSecretError';

  constructor() {
    super(
      'AUTH_SECRET lacks the entry that something stored was encrypted under. Put it back, behind the current one, and run `npm run cli -- secrets rewrap` before you take it out.',
    );
  }
}

function keyId(key: Buffer): Buffer {
  return createHash('sha256').update('key id').update(key).digest().subarray(0, KEY_ID_BYTES);
}
