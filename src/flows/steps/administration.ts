import type { Client } from '../../client.ts';
import type { Db } from '../../db/client.ts';
import type { Json } from '../../json.ts';
import { type AuditEventType, recordEvent } from '../../records/audit-event.ts';
import type { Deps } from '../deps.ts';

/** Who administers: a signed-in administrator, or the operator at the command line, who has no account. */
export interface Administrator {
  userId: string | null;
  /** The session they act in, for the record. */
  sessionId?: string;
  client: Client;
}

/** Records what an administrator did to a user. */
export async function recordAct(
  deps: Deps,
  tx: Db,
  admin: Administrator,
  userId: string,
  type: AuditEventType,
  detail: Json,
): Promise<void> {
  const { userId: actorId, sessionId = null, client } = admin;
  const event = { type, userId, actorId, sessionId, client, now: deps.now(), detail };
  await recordEvent(tx, event);
}
