import { newId } from '../../crypto/id.ts';
import type { Db } from '../../db/client.ts';
import type { MailMessage } from '../../mail/message.ts';
import { insertMail } from '../../records/outbox.ts';
import type { Deps } from '../deps.ts';

/** Whom to write to: the address on record, never one that somebody just typed. */
export interface Recipient {
  id: string | null;
  email: string;
  phrase: string | null;
}

/**
 * Has a message written to somebody. It goes into the outbox with what it tells of and is sent when that is committed;
 * nobody waits for a mail server.
 */
export async function writeTo(
  deps: Deps,
  tx: Db,
  recipient: Recipient,
  message: MailMessage,
): Promise<void> {
  const now = deps.now();
  const mail = { to: recipient.email, phrase: recipient.phrase, at: now.getTime(), message };
  const newMail = { id: newId(now), userId: recipient.id, mail, now };
  await insertMail(tx, deps.keyring.keys('mail'), newMail);
}
