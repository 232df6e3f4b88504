import { createHmac, createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { decrypt } from '../../../src/crypto/cipher.ts';
import type { TestUser } from '../../support/account.ts';
import type { TestApp } from '../../support/app.ts';
import { runSql } from '../../support/database.ts';

export const SHARED_SECRET = 'tests-only-shared-secret-9b1f6a7c2d3e4f50';

type Fields = Record<string, unknown>;
type Signing = (input: string) => Buffer;

/**
 * What it takes to make a token like those of the service, with its own key. No attacker has that; with it a forgery is
 * wrong in the one thing under test and in nothing else.
 */
export interface Mint {
  header: Fields;
  claims: Fields;
  sign: Signing;
  /** Only where the service has a key pair. */
  publicJwk: JsonWebKey | undefined;
}

/** Whose tokens forgeries are made of. */
export interface Target {
  victim: TestUser;
  attacker: TestUser;
  deleted: TestUser;
  mint: Mint;
  theirs: Mint;
  /** Where a verifier would go that lets tokens say where keys are. */
  trap: string;
}

/** Makes tokens that open nothing. */
export type Forgery = (target: Target) => string[] | Promise<string[]>;

/** The service's time, which stands still here: the pattern was made just now. */
export const timeOf = (mint: Mint) => Number(mint.claims.iat);

/** Takes a real token for the pattern of forgeries. */
export async function mintLike(app: TestApp, accessToken: string): Promise<Mint> {
  const header = { ...decodeProtectedHeader(accessToken) };
  const claims = { ...decodeJwt(accessToken) };
  if (header.alg === 'HS256') {
    return { header, claims, sign: hmacSigning('sha256', SHARED_SECRET), publicJwk: undefined };
  }
  const [row] = await runSql<{ id: string; public_jwk: string; private_jwk: Buffer }>(
    app.databaseUrl,
    'select id, public_jwk, private_jwk from signing_keys where id = ?',
    [header.kid ?? ''],
  );
  if (row === undefined) throw new Error('The key that signed a token is not stored.');
  const keys = app.app.deps.keyring.keys('signing-key');
  const jwk: JsonWebKey = JSON.parse(decrypt(keys, row.private_jwk, row.id).toString());
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return {
    header,
    claims,
    sign: ed25519Signing(privateKey),
    publicJwk: JSON.parse(row.public_jwk),
  };
}

export function hmacSigning(hash: string, key: string | Buffer): Signing {
  return (input) => createHmac(hash, key).update(input).digest();
}

export function ed25519Signing(key: KeyObject): Signing {
  return (input) => sign(null, Buffer.from(input), key);
}

/** One part of a token: the JSON of a value, or bytes as they are. */
export function encoded(value: unknown): string {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  return bytes.toString('base64url');
}

/** A compact JWS of any header and payload. */
export function jws(header: unknown, payload: unknown, signing: Signing): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signing(input).toString('base64url')}`;
}
