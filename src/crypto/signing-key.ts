import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { decrypt, encrypt } from './cipher.ts';
import type { Keys } from './keyring.ts';

/** A new Ed25519 key pair (RFC 8037), its private key encrypted. Its id is the public key's thumbprint (RFC 7638). */
export async function createSigningKeyPair(
  keys: Keys,
): Promise<{ id: string; publicJwk: JWK; privateJwk: Buffer }> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const id = await calculateJwkThumbprint(publicJwk);
  const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)));
  return { id, publicJwk, privateJwk: encrypt(keys, privateJwk, id) };
}

/**
 * Decrypts a stored key pair.
 *
 * @throws {Error} when it was encrypted under a key that AUTH_SECRET no longer holds, or is not an Ed25519 key pair:
 *   nobody would accept its signatures
 */
export function openSigningKeyPair(
  keys: Keys,
  stored: { id: string; publicJwk: JWK; privateJwk: Buffer },
): { publicKey: KeyObject; privateKey: KeyObject } {
  const privateJwk: JWK = JSON.parse(decrypt(keys, stored.privateJwk, stored.id).toString());
  const publicKey = createPublicKey({ format: 'jwk', key: stored.publicJwk });
  const privateKey = createPrivateKey({ format: 'jwk', key: privateJwk });
  const isPair = createPublicKey(privateKey).equals(publicKey);
  if (privateKey.asymmetricKeyType !== 'ed25519' || !isPair) {
    throw new TypeError(`The signing key ${stored.id} is no Ed25519 key pair.`);
  }
  return { publicKey, privateKey };
}
