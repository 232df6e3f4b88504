import { encrypt } from '../crypto/cipher.ts';
import type { Keys } from '../crypto/keyring.ts';
import type { Db } from '../db/client.ts';
import { insertBuiltOnce } from '../db/prepared-query.ts';
import { outbox } from '../db/schema.ts';
import type { Mail } from '../mail/message.ts';

/** A mail to be sent. */
export interface NewMail {
  id: string;
  /** The account that it is about; `null` when there is none yet, or none any more. */
  userId: string | null;
  mail: Mail;
  now: Date;
  /** KEPT: never sent, but kept for the developer to read. */
  state?: 'PENDING' | 'KEPT';
}

const insert = insertBuiltOnce(outbox);

/** Puts a mail into the outbox, in the transaction of its cause: neither exists without the other. */
export async function insertMail(db: Db, keys: Keys, newMail: NewMail): Promise<void> {
  const { id, userId, mail, now, state = 'PENDING' } = newMail;
  await insert(db).execute({
    id,
    userId,
    kind: mail.message.kind,
    envelope: encrypt(keys, Buffer.from(JSON.stringify(mail)), id),
    state,
    attempts: 0,
    createdAt: now,
    dueAt: now,
    finishedAt: state === 'PENDING' ? null : now,
    lastError: null,
  });
}
