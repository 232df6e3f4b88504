import { newId } from '../../crypto/id.ts';
import type { Db } from '../../db/client.ts';
import { linkOf } from '../../mail/link.ts';
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
 * nobody waits for a mail server. Without one, in development, it is kept for the developer to read.
 */
export async function writeTo(
  deps: Deps,
  tx: Db,
  recipient: Recipient,
  message: MailMessage,
): Promise<void> {
  const { mail: settings, profile, publicUrl } = deps.config;
  if (settings.delivery === 'off') return;
  const now = deps.now();
  const mail = { to: recipient.email, phrase: recipient.phrase, at: now.getTime(), message };
  const state = settings.delivery === 'kept' ? 'KEPT' : 'PENDING';
  const newMail = { id: newId(now), userId: recipient.id, mail, now, state } as const;
  await insertMail(tx, deps.keyring.keys('mail'), newMail);
  if (state === 'KEPT' && profile === 'development') {
    const link = linkOf(message, publicUrl);
    deps.logger.info({ kind: message.kind, link }, `mail kept, see ${publicUrl}/dev/mail`);
  }
}
