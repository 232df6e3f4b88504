import type { Client } from '../client.ts';
import {
  isAuthenticRefreshToken,
  parseRefreshToken,
  type RefreshTokenParts,
} from '../crypto/refresh-token.ts';
import { transaction } from '../db/client.ts';
import { AuthError, RequestError } from '../errors.ts';
import { recordEvent } from '../records/audit-event.ts';
import { isLive, type Session, type SessionWithUser } from '../records/session.ts';
import { endSession } from '../records/session-end.ts';
import type { Deps } from './deps.ts';
import { notify } from './steps/mailing.ts';
import { issueTokens, type SignedIn, sessionExpiry } from './steps/session-opening.ts';

/**
 * Exchanges a refresh token for new tokens.
 *
 * A token is valid for one generation. Whoever presents the previous one within the grace window gets the same
 * successor as the first who did, so that racing browser tabs, and phones that lose an answer, stay signed in. An
 * authentic token that is older must have been copied, so the session ends. A forged token changes nothing, and neither
 * does one that the database does not know of any more.
 *
 * @throws {AuthError} INVALID_REFRESH_TOKEN or REFRESH_TOKEN_REUSED
 * @throws {RequestError} OVERLOADED when others have rotated the session twice while this was being decided
 */
export async function refresh(deps: Deps, token: string, client: Client): Promise<SignedIn> {
  const now = deps.now();
  const presented = await readAuthenticToken(deps, token);
  if (presented === null || !isLive(presented.found, now)) {
    throw new AuthError('INVALID_REFRESH_TOKEN');
  }
  const { parts, found } = presented;
  const expiresAt = sessionExpiry(deps, found.session, now);
  const { sessionId: id, generation } = parts;
  // The database issued this token and has gone back since, to a backup or to a member that lagged: nobody copied
  // anything.
  if (generation > found.session.generation) throw new AuthError('INVALID_REFRESH_TOKEN');
  // Judged by the session as it was found when the token came. A token that was good then, and has been overtaken
  // since, may be the owner's: the network lost the answer, and the client went on with the same token. It gets nothing
  // now; if it is presented again, it is too old.
  if (!isGood(deps, found.session, generation, now)) return endReusedSession(deps, found, client);
  const rotation = { id, generation, expiresAt, client, now };
  const isInForce = await deps.sessionBatches.rotate(rotation, found.session.generation);
  if (!isInForce) return refuseOvertaken(deps, id);
  const session = { ...found.session, generation: generation + 1, expiresAt };
  return issueTokens(deps, found.user, session, null);
}

/** The session that an authentic token belongs to. Sign-out uses it too, when the access token has expired. */
export async function findSessionByRefreshToken(
  deps: Deps,
  token: string,
): Promise<Session | null> {
  const presented = await readAuthenticToken(deps, token);
  return presented?.found.session ?? null;
}

async function readAuthenticToken(deps: Deps, token: string) {
  const parts: RefreshTokenParts | null = parseRefreshToken(token);
  if (parts === null) return null;
  const found = await deps.sessionBatches.session(parts.sessionId);
  if (found === null) return null;
  const keys = deps.keyring.keys('refresh-token');
  return isAuthenticRefreshToken(keys, parts, found.session.nonce) ? { parts, found } : null;
}

/** Whether a token is of the current generation, or of the previous one and within the grace window. */
function isGood({ config }: Deps, session: Session, generation: number, now: Date): boolean {
  if (session.generation === generation) return true;
  const graceEnds = session.rotatedAt.getTime() + config.sessions.refreshGraceMs;
  return session.generation === generation + 1 && graceEnds >= now.getTime();
}

async function refuseOvertaken(deps: Deps, id: string): Promise<never> {
  const found = await deps.sessionBatches.session(id);
  if (found !== null && isLive(found, deps.now())) {
    throw new RequestError('OVERLOADED', { retryAfter: 1 });
  }
  throw new AuthError('INVALID_REFRESH_TOKEN');
}

async function endReusedSession(
  deps: Deps,
  { session, user }: SessionWithUser,
  client: Client,
): Promise<never> {
  const now = deps.now();
  const { id, userId } = session;
  const isEnded = await transaction(deps.db, async (tx) => {
    const ended = await endSession(tx, id, 'REFRESH_TOKEN_REUSED', now);
    if (ended) {
      await recordEvent(tx, { type: 'REFRESH_TOKEN_REUSED', userId, sessionId: id, client, now });
      await notify(deps, tx, user, { kind: 'refresh-token-reused' });
    }
    return ended;
  });
  // of two concurrent calls, the second finds a session that has already ended
  throw new AuthError(isEnded ? 'REFRESH_TOKEN_REUSED' : 'INVALID_REFRESH_TOKEN');
}
