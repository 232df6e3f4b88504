import { parse as parseUuid, stringify as stringifyUuid } from 'uuid';
import type { Keys } from './keyring.ts';
import { isMac, mac } from './mac.ts';

// Session id (16 bytes), generation and MAC (32 bytes), separated by dots. Id and MAC must be canonical base64url, in
// which the unused bits of the last character are zero.
const FORMAT = /^([\w-]{21}[AQgw])\.(0|[1-9]\d{0,9})\.([\w-]{42}[AEIMQUYcgkosw048])$/;
const MAX_GENERATION = 2 ** 31 - 2;

/** The parts of a refresh token, before its MAC has been checked. */
export interface RefreshTokenParts {
  sessionId: string;
  generation: number;
  mac: Buffer;
}

/**
 * Makes the refresh token for a session's generation. The token is derived, not random, so whoever asks for the same
 * generation gets the same token.
 *
 * @param session.nonce the session's random bytes: without them, a leaked server key is not enough to forge a token
 */
export function refreshToken(
  keys: Keys,
  session: { id: string; generation: number; nonce: Buffer },
): string {
  const id = Buffer.from(parseUuid(session.id));
  const digest = mac(keys, id, String(session.generation), session.nonce);
  return `${id.toString('base64url')}.${session.generation}.${digest.toString('base64url')}`;
}

/** Takes a refresh token apart; `null` when it is malformed. */
export function parseRefreshToken(token: string): RefreshTokenParts | null {
  const match = FORMAT.exec(token);
  if (match === null) return null;
  const [, id = '', generation = '', digest = ''] = match;
  if (Number(generation) > MAX_GENERATION) return null;
  let sessionId: string;
  try {
    sessionId = stringifyUuid(Buffer.from(id, 'base64url'));
  } catch {
    return null; // 16 bytes, but no UUID
  }
  return { sessionId, generation: Number(generation), mac: Buffer.from(digest, 'base64url') };
}

/** Whether the service made this token for the session with this nonce. */
export function isAuthenticRefreshToken(
  keys: Keys,
  parts: RefreshTokenParts,
  nonce: Buffer,
): boolean {
  const id = Buffer.from(parseUuid(parts.sessionId));
  return isMac(keys, parts.mac, id, String(parts.generation), nonce);
}
