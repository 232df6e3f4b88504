import { randomBytes } from 'node:crypto';
import type { Client } from '../../client.ts';
import { type DeviceOwner, deviceToken } from '../../crypto/device-token.ts';
import { newId } from '../../crypto/id.ts';
import { refreshToken } from '../../crypto/refresh-token.ts';
import type { Db } from '../../db/client.ts';
import { insertSession, type Session } from '../../records/session.ts';
import type { User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';

/** The tokens of a session. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresAt: Date;
  refreshExpiresAt: Date;
  /** Only after a sign-in, a registration, or the choice of another password. */
  deviceToken: string | null;
}

/** What a client gets after a sign-in or refresh. */
export interface SignedIn {
  user: User;
  session: Session;
  tokens: Tokens;
}

/** The properties that a new session is to have. */
export interface SessionWish {
  remembered: boolean;
  cookies: boolean;
  /** Authentication methods (RFC 8176): `pwd`, `otp`, `mfa`. */
  amr: readonly string[];
}

const NONCE_BYTES = 16;

/** Opens a session, in the transaction of the sign-in or registration that earned it. */
export function openSession(
  deps: Deps,
  tx: Db,
  userId: string,
  wish: SessionWish,
  client: Client,
): Promise<Session> {
  const now = deps.now();
  const absoluteExpiresAt = new Date(now.getTime() + deps.config.sessions.maxAgeMs);
  return insertSession(tx, {
    id: newId(now),
    userId,
    nonce: randomBytes(NONCE_BYTES),
    ...wish,
    expiresAt: sessionExpiry(deps, { remembered: wish.remembered, absoluteExpiresAt }, now),
    absoluteExpiresAt,
    client,
    now,
  });
}

/** When a session expires if it is used now: after its sliding lifetime, but never beyond the absolute one. */
export function sessionExpiry(
  deps: Deps,
  session: { remembered: boolean; absoluteExpiresAt: Date },
  now: Date,
): Date {
  const { rememberedTtlMs, ttlMs } = deps.config.sessions;
  const sliding = now.getTime() + (session.remembered ? rememberedTtlMs : ttlMs);
  return new Date(Math.min(sliding, session.absoluteExpiresAt.getTime()));
}

/** A device that has just proven to be its owner's. */
export interface ProvenDevice {
  /** `null` for one that was unknown until now. */
  id: string | null;
  owner: DeviceOwner;
}

/**
 * Signs an access token for a session and derives the refresh token of its generation.
 *
 * @param device the device that signed in, for its device token; `null` at a refresh
 */
export async function issueTokens(
  deps: Deps,
  user: User,
  session: Session,
  device: ProvenDevice | null,
): Promise<SignedIn> {
  const now = deps.now();
  const access = await deps.accessTokens.sign(
    {
      userId: user.id,
      sessionId: session.id,
      role: user.role,
      amr: session.amr.split(' '),
      authenticatedAt: session.authenticatedAt,
      app: user.appMetadata,
    },
    newId(now),
    now,
  );
  return {
    user,
    session,
    tokens: {
      accessToken: access.token,
      refreshToken: refreshToken(deps.keyring.keys('refresh-token'), session),
      expiresAt: access.expiresAt,
      refreshExpiresAt: session.expiresAt,
      deviceToken: device === null ? null : tokenOf(deps, device, now),
    },
  };
}

function tokenOf(deps: Deps, { id, owner }: ProvenDevice, now: Date): string {
  const expiresAt = new Date(now.getTime() + deps.config.cookies.deviceSeconds * 1000);
  return deviceToken(deps.keyring.keys('device-token'), owner, id ?? newId(now), expiresAt);
}
