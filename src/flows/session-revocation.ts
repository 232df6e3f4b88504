import { validate as isUuid } from 'uuid';
import type { Client } from '../client.ts';
import { transaction } from '../db/client.ts';
import { AuthError } from '../errors.ts';
import { recordEvent } from '../records/audit-event.ts';
import { endOwnSession } from '../records/session-end.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';

/**
 * Ends one session of the viewer.
 *
 * @throws {AuthError} NOT_FOUND, for another user's session as for none, so that nobody learns which ids exist
 */
export async function revokeSession(
  deps: Deps,
  viewer: Viewer,
  id: string,
  client: Client,
): Promise<string> {
  if (!isUuid(id)) throw new AuthError('NOT_FOUND');
  const now = deps.now();
  const userId = viewer.user.id;
  const isEnded = await transaction(deps.db, async (tx) => {
    const ended = await endOwnSession(tx, { id, userId }, 'REVOKED', now);
    if (ended) {
      await recordEvent(tx, { type: 'SESSION_REVOKED', userId, sessionId: id, client, now });
    }
    return ended;
  });
  if (!isEnded) throw new AuthError('NOT_FOUND');
  return id;
}
