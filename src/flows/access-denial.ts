import type { Client } from '../client.ts';
import { transaction } from '../db/client.ts';
import { hasEventSince, recordEvent } from '../records/audit-event.ts';
import { stillThere } from '../records/user.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';

const ONCE_IN_MS = 60_000;

/**
 * Whether the viewer may administer. An attempt by a signed-in user without the right goes on record, at most once a
 * minute for each account, so that a thousand attempts do not fill the audit log.
 */
export async function mayAdminister(
  deps: Deps,
  viewer: Viewer | null,
  client: Client,
): Promise<boolean> {
  if (viewer === null) return false;
  const { user, session } = viewer;
  if (user.role === 'ADMIN') return true;
  const now = deps.now();
  const event = { type: 'ACCESS_DENIED', userId: user.id } as const;
  if (!(await hasEventSince(deps.db, event, new Date(now.getTime() - ONCE_IN_MS)))) {
    await transaction(deps.db, async (tx) => {
      const userId = await stillThere(tx, user.id);
      await recordEvent(tx, { ...event, userId, sessionId: session.id, client, now });
    });
  }
  return false;
}
