import { GraphQLError } from 'graphql';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';

/** What somebody may do in the library. Administrators of Latchkey write it into `appMetadata` as `{ "role": "librarian" }`. */
export type LibraryRole = 'student' | 'librarian';

/** Who asks, as their access token says. */
export interface Reader {
  /** Latchkey's id of the user; it never changes. */
  id: string;
  /** `null` for people whom nobody has let in. */
  role: LibraryRole | null;
}

/** Whose tokens are trusted. */
export interface Trust {
  /** The address of Latchkey, as its PUBLIC_URL says. */
  issuer: string;
  /** Latchkey's JWT_AUDIENCE. */
  audience: string;
  now?: () => Date;
}

// keys that cannot be fetched are our trouble, and no fault of the token
const NO_KEYS = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'];

/**
 * Makes the one check that everything here relies on. The public keys are fetched when they are needed, kept, and fetched
 * again when a token names one that is not known: Latchkey is not asked about tokens, and no password is ever seen here.
 *
 * @returns what finds the reader of an Authorization header, and throws UNAUTHENTICATED for a token that is not good, so that
 *   clients know to refresh it
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
      throw refusal('UNAUTHENTICATED', 'The access token is not good. Refresh it, or sign in.');
    }
  };
}

function roleOf({ app }: JWTPayload): LibraryRole | null {
  const { role } = (typeof app === 'object' && app !== null ? app : {}) as { role?: unknown };
  return role === 'student' || role === 'librarian' ? role : null;
}

/** The reader, if they have one of the roles. */
export function admit(reader: Reader | null, ...roles: LibraryRole[]): Reader {
  if (reader === null) throw refusal('UNAUTHENTICATED', 'Sign in first.');
  if (reader.role === null || !roles.includes(reader.role)) {
    throw refusal('FORBIDDEN', `This is for: ${roles.join(', ')}.`);
  }
  return reader;
}

function refusal(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
