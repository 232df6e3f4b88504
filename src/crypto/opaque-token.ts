import { createHash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;

/** A random token (256 bits) for the person, and the digest to store and to find it by. */
export function createOpaqueToken(): { token: string; hash: Buffer } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, hash: opaqueTokenHash(token) };
}

/**
 * The digest that a token is stored and found by. SHA-256 without salt is enough for 256 random bits, and finding a
 * row by the digest leaks nothing of the token through timing.
 */
export function opaqueTokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
