import { createHmac, type KeyObject, sign as signBytes } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Json } from '../json.ts';

/** A key that signs or verifies access tokens: a private or public Ed25519 key, or a shared secret. */
export interface AccessTokenKey {
  kid: string;
  algorithm: 'EdDSA' | 'HS256';
  key: KeyObject;
}

/** The keys in use. They change while the service runs. */
export interface AccessTokenKeys {
  signing(): Promise<AccessTokenKey>;
  /** The key that verifies tokens naming this kid, or `null` when there is none or it is retired. */
  verifying(kid: string): Promise<AccessTokenKey | null>;
  /** Whether a key in memory has this kid. Does not ask the database. */
  holds(kid: string): boolean;
}

/** What an access token says. Times are instants; `app` is the user's appMetadata. */
export interface AccessTokenClaims {
  userId: string;
  sessionId: string;
  role: string;
  amr: readonly string[];
  authenticatedAt: Date;
  app: Json;
}

/** Signs and verifies access tokens (JWT profile of RFC 9068). */
export interface AccessTokens {
  sign(
    claims: AccessTokenClaims,
    id: string,
    now: Date,
  ): Promise<{ token: string; expiresAt: Date }>;
  /** The session and user a token is for, or `null` when anything at all is wrong with it. */
  verify(token: string, now: Date): Promise<{ sessionId: string; userId: string } | null>;
}

const TYPE = 'at+jwt';
// Compact JWS in canonical base64url only. jose also accepts white space and padding, so that one token would have many
// spellings.
const COMPACT = /^[\w-]{1,1024}\.[\w-]{1,8192}\.[\w-]{1,1024}$/;
// with the version and variant bits of RFC 9562: the database layer throws for an id without them
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const KID = /^[\w-]{1,64}$/;
const CACHED_TOKENS = 20_000;

interface Verified {
  sessionId: string;
  userId: string;
  kid: string;
  expiresAt: number;
}

/** @param options.ttlMs how long a token is valid */
export function createAccessTokens(
  keys: AccessTokenKeys,
  options: { issuer: string; audience: string; ttlMs: number },
): AccessTokens {
  const verified = new Map<string, Verified>();

  const remember = (token: string, claims: Verified) => {
    // a Map keeps the order of insertion, so the first key is the oldest
    if (verified.size >= CACHED_TOKENS) {
      const oldest = verified.keys().next();
      if (!oldest.done) verified.delete(oldest.value);
    }
    verified.set(token, claims);
  };

  return {
    async sign(claims, id, now) {
      const signing = await keys.signing();
      const issuedAt = Math.floor(now.getTime() / 1000);
      const expiresAt = issuedAt + Math.floor(options.ttlMs / 1000);
      const token = compactJws(signing, {
        iss: options.issuer,
        aud: options.audience,
        sub: claims.userId,
        sid: claims.sessionId,
        role: claims.role,
        auth_time: Math.floor(claims.authenticatedAt.getTime() / 1000),
        amr: claims.amr,
        app: claims.app,
        iat: issuedAt,
        exp: expiresAt,
        jti: id,
      });
      return { token, expiresAt: new Date(expiresAt * 1000) };
    },

    // A signature is verified once and cached. Expiry and key are checked each time, and the session by the caller.
    async verify(token, now) {
      const seconds = now.getTime() / 1000;
      let claims = verified.get(token) ?? null;
      if (claims === null || !keys.holds(claims.kid)) {
        verified.delete(token);
        claims = await verifySignature(token, keys, options, now);
        if (claims !== null) remember(token, claims);
      }
      if (claims === null) return null;
      if (claims.expiresAt <= seconds) {
        verified.delete(token);
        return null;
      }
      return { sessionId: claims.sessionId, userId: claims.userId };
    },
  };
}

/**
 * Signs a compact JWS (RFC 7515). jose would sign through WebCrypto, in another thread: measured, the round trip takes
 * as long again as an Ed25519 signature, and waits behind passwords that are being hashed.
 */
function compactJws({ algorithm, kid, key }: AccessTokenKey, payload: JWTPayload): string {
  const input = `${base64url({ alg: algorithm, typ: TYPE, kid })}.${base64url(payload)}`;
  const signature =
    algorithm === 'EdDSA'
      ? signBytes(null, Buffer.from(input), key)
      : createHmac('sha256', key).update(input).digest();
  return `${input}.${signature.toString('base64url')}`;
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

async function verifySignature(
  token: string,
  keys: AccessTokenKeys,
  options: { issuer: string; audience: string },
  now: Date,
): Promise<Verified | null> {
  if (!COMPACT.test(token) || !isCanonical(token)) return null;
  try {
    const { payload, protectedHeader } = await jwtVerify(
      token,
      async (header) => {
        const kid = typeof header.kid === 'string' && KID.test(header.kid) ? header.kid : null;
        const found = kid === null ? null : await keys.verifying(kid);
        // the key decides on the algorithm, never the token
        if (found === null || found.algorithm !== header.alg) throw new errors.JWKSNoMatchingKey();
        return found.key;
      },
      {
        algorithms: ['EdDSA', 'HS256'],
        typ: TYPE,
        issuer: options.issuer,
        audience: options.audience,
        requiredClaims: ['sub', 'sid', 'exp', 'iat', 'jti'],
        currentDate: now,
      },
    );
    return readClaims(payload, protectedHeader.kid ?? '', now);
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

function readClaims(payload: JWTPayload, kid: string, now: Date): Verified | null {
  const { sub, sid, exp, iat } = payload;
  if (typeof sub !== 'string' || typeof sid !== 'string' || !UUID.test(sub) || !UUID.test(sid)) {
    return null;
  }
  if (typeof exp !== 'number' || typeof iat !== 'number') return null;
  // instances' clocks may differ a little; a token from the far future was not made by one of them
  if (iat > now.getTime() / 1000 + 120) return null;
  return { sessionId: sid, userId: sub, kid, expiresAt: exp };
}

/** Whether each part is canonical base64url, in which the unused bits of the last character are zero. */
function isCanonical(token: string): boolean {
  return token
    .split('.')
    .every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}
