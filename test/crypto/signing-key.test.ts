import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { JWK } from 'jose';
import { expect, it } from 'vitest';
import { encrypt } from '../../src/crypto/cipher.ts';
import { createKeyring } from '../../src/crypto/keyring.ts';
import { createSigningKeyPair, openSigningKeyPair } from '../../src/crypto/signing-key.ts';

const keys = createKeyring([randomBytes(32).toString('base64url')]).keys('signing-key');

/** A key pair as it would be stored. */
function stored(pair: { publicKey: KeyObject; privateKey: KeyObject }) {
  const privateJwk = Buffer.from(JSON.stringify(pair.privateKey.export({ format: 'jwk' })));
  const publicJwk = pair.publicKey.export({ format: 'jwk' }) as JWK;
  return { id: 'one', publicJwk, privateJwk: encrypt(keys, privateJwk, 'one') };
}

it('opens what it made, and no other id and no other secret does', async () => {
  const made = await createSigningKeyPair(keys);
  const { privateKey } = openSigningKeyPair(keys, made);
  expect(privateKey.asymmetricKeyType).toBe('ed25519');
  expect(() => openSigningKeyPair(keys, { ...made, id: 'two' })).toThrow();
  const others = createKeyring([randomBytes(32).toString('base64url')]).keys('signing-key');
  expect(() => openSigningKeyPair(others, made)).toThrow();
});

it('opens nothing that would sign what nobody takes', () => {
  const pair = generateKeyPairSync('ed25519');
  expect(() => openSigningKeyPair(keys, stored(pair))).not.toThrow();
  const { publicKey } = generateKeyPairSync('ed25519');
  for (const wrong of [
    { ...pair, publicKey },
    generateKeyPairSync('ed448'),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ]) {
    expect(() => openSigningKeyPair(keys, stored(wrong))).toThrow('no Ed25519 key pair');
  }
});
