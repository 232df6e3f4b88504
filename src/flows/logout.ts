import type { Client } from '../client.ts';
import { transaction } from '../db/client.ts';
import { recordEvent } from '../records/audit-event.ts';
import { endOwnSession, endSessionsOf } from '../records/session-end.ts';
import type { Deps } from './deps.ts';

/**
 * Signs out.
 *
 * @param session the session to end; `null` when the request names none, which is no failure: the caller is signed out
 * @param everywhere whether all other sessions of the user end too
 * @returns how many sessions ended
 */
export async function logout(
  deps: Deps,
  session: { id: string; userId: string } | null,
  everywhere: boolean,
  client: Client,
): Promise<number> {
  if (session === null) return 0;
  const now = deps.now();
  const { id, userId } = session;
  return transaction(deps.db, async (tx) => {
    const ended = (await endOwnSession(tx, session, 'LOGOUT', now)) ? 1 : 0;
    // a session that had already ended or expired no longer proves who is asking
    const others = everywhere && ended === 1 ? await endSessionsOf(tx, userId, 'LOGOUT', now) : 0;
    const endedSessions = ended + others;
    if (endedSessions > 0) {
      const detail = { endedSessions };
      await recordEvent(tx, { type: 'LOGGED_OUT', userId, sessionId: id, client, now, detail });
    }
    return endedSessions;
  });
}
