import { GraphQLError } from 'graphql';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';

/** A role in the library. Latchkey administrators assign it in `appMetadata`, as `{ "role": "librarian" }`. */
export type LibraryRole = 'student' | 'librarian';

/** The user who makes the request, according to their access token. */
export interface Reader {
  /** Latchkey's id for the user; it never changes. */
  id: string;
  /** `null` for users without a role. */
  role: LibraryRole | null;
}

/** Whose tokens are trusted. */
export interface Trust {
  /** Latchkey's PUBLIC_URL. */
  issuer: string;
  /** Latchkey's JWT_AUDIENCE. */
  audience: string;
  now?: () => Date;
}

// if the keys cannot be fetched, the fault is ours, not the token's
const NO_KEYS = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'];

/**
 * Creates the check of access tokens, on which everything else relies. It fetches Latchkey's public keys when needed, keeps
 * them, and fetches them again if a token names an unknown key. It never asks Latchkey about a token, and the library never
 * sees a password.
 *
 * @returns a function that finds the reader by an Authorization header. It throws UNAUTHENTICATED for an invalid token, so
 *   that clients know to refresh it.
 */
export function createReaders({ issuer, audience, now }: Trust) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer));

  return async (authorization: string | null): Promise<Reader | null> => {
    if (authorization === null) return null;
    try {
      const { payload } = await jwtVerify(authorization.replace(/^Bearer /i, ''), keys, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['EdDSA'],
        requiredClaims: ['sub', 'exp'],
        ...(now && { currentDate: now() }),
      });
      return { id: payload.sub ?? '', role: roleOf(payload) };
    } catch (error) {
      if (!(error instanceof errors.JOSEError) || NO_KEYS.includes(error.code)) throw error;
      throw refusal('UNAUTHENTICATED', 'The access token is not valid. Refresh it, or sign in.');
    }
  };
}

function roleOf({ app }: JWTPayload): LibraryRole | null {
  const { role } = (typeof app === 'object' && app !== null ? app : {}) as { role?: unknown };
  return role === 'student' || role === 'librarian' ? role : null;
}

/** Returns the reader if they have one of the roles, and throws otherwise. */
export function admit(reader: Reader | null, ...roles: LibraryRole[]): Reader {
  if (reader === null) throw refusal('UNAUTHENTICATED', 'Sign in first.');
  if (reader.role === null || !roles.includes(reader.role)) {
    throw refusal('FORBIDDEN', `This requires the role ${roles.join(' or ')}.`);
  }
  return reader;
}

function refusal(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
