import { and, count, eq, gt } from 'drizzle-orm';
import { encrypt } from '../crypto/cipher.ts';
import type { Keys } from '../crypto/keyring.ts';
import type { Db } from '../db/client.ts';
import { builtOnce, insertBuiltOnce, placeholder } from '../db/prepared-query.ts';
import { outbox } from '../db/schema.ts';
import type { Mail, MailKind } from '../mail/message.ts';

/** A mail to be sent. */
export interface NewMail {
  id: string;
  /** Whose account it is about; `null` when that will not be there any more. */
  userId: string | null;
  mail: Mail;
  now: Date;
  /** KEPT is for the developer to read, and never sent. */
  state?: 'PENDING' | 'KEPT';
}

const insert = insertBuiltOnce(outbox);

/** Puts a mail into the outbox, in the transaction of its cause: neither is there without the other. */
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

const countSince = builtOnce((db) =>
  db
    .select({ mails: count() })
    .from(outbox)
    .where(
      and(
        eq(outbox.userId, placeholder('userId', outbox.userId)),
        eq(outbox.kind, placeholder('kind', outbox.kind)),
        gt(outbox.createdAt, placeholder('since', outbox.createdAt)),
      ),
    )
    .prepare(),
);

/** How many mails of a kind a user was written since then. */
export async function countMailsSince(
  db: Db,
  userId: string,
  kind: MailKind,
  since: Date,
): Promise<number> {
  const [row] = await countSince(db).execute({ userId, kind, since });
  return row?.mails ?? 0;
}
