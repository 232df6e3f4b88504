import { parse as parseUuid, stringify as stringifyUuid } from 'uuid';
import type { Keys } from './keyring.ts';
import { isMac, mac } from './mac.ts';

// session id (16 bytes) . generation . MAC (32 bytes), both in the one spelling base64url has for them:
// the last character of each carries bits that must be zero
const FORMAT = /^([\w-]{21}[AQgw])\.(0|[1-9]\d{0,9})\.([\w-]{42}[AEIMQUYcgkosw048])$/;
const MAX_GENERATION = 2 ** 31 - 2;

/** What a refresh token says of itself, before its MAC has been checked. */
export interface RefreshTokenParts {
  sessionId: string;
  generation: number;
  mac: Buffer;
}

/**
 * Makes the refresh token of a session's generation. Since it is derived and not drawn, whoever asks for the same
 * generation gets the same token.
 *
 * @param nonce the session's random bytes, without which a leaked server key still forges nothing
 */
export function refreshToken(
  keys: Keys,
  session: { id: string; generation: number; nonce: Buffer },
): string {
  const id = Buffer.from(parseUuid(session.id));
  const digest = mac(keys, id, String(session.generation), session.nonce);
  return `${id.toString('base64url')}.${session.generation}.${digest.toString('base64url')}`;
}

/** Takes a refresh token apart; `null` when it does not have the form of one. */
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
