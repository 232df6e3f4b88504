import type { User } from '../records/user.ts';
import type { Deps } from './deps.ts';

/** Who is signed in, and in which session. */
export interface Viewer {
  session: { id: string; userId: string };
  user: User;
}

/**
 * Finds out who sent a request. The signature may be remembered; session and user are read each time, so
 * that a sign-out, a lock-out or a change of role holds from the next request on.
 *
 * @returns `null` when the token is no good, whatever is wrong with it
 */
export async function authenticate(deps: Deps, accessToken: string): Promise<Viewer | null> {
  const now = deps.now();
  const claims = await deps.accessTokens.verify(accessToken, now);
  if (claims === null) return null;
  const { sessionId: id, userId } = claims;
  const user = await deps.sessionBatches.liveUser({ id, userId });
  return user === null ? null : { session: { id, userId }, user };
}
