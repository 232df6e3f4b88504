import type { User } from '../records/user.ts';
import type { Deps } from './deps.ts';

/** Who is signed in, and in which session. */
export interface Viewer {
  session: { id: string; userId: string };
  user: User;
}

/**
 * Finds out who sent a request. The token's signature may come from a cache, but session and user are read each time,
 * so that a sign-out, a disabled account or a change of role takes effect with the next request.
 *
 * @returns `null` when the token is invalid in any way, or its session is not live
 */
export async function authenticate(deps: Deps, accessToken: string): Promise<Viewer | null> {
  const now = deps.now();
  const claims = await deps.accessTokens.verify(accessToken, now);
  if (claims === null) return null;
  const { sessionId: id, userId } = claims;
  const user = await deps.sessionBatches.liveUser({ id, userId });
  return user === null ? null : { session: { id, userId }, user };
}
