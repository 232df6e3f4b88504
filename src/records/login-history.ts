import { and, count, eq, exists, gt, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { outbox, sessions, users } from '../db/schema.ts';
import type { MailKind } from '../mail/message.ts';
import { liveOf } from './session.ts';

/** What a sign-in needs to know about the user's earlier ones. */
export interface LoginHistory {
  /** Whether the user has signed in before, as far as sessions are still stored. */
  hasSessions: boolean;
  liveSessions: number;
  /** Whether more sessions are stored than `keep`. */
  hasSurplus: boolean;
  /** How many mails about a new device were written lately. */
  deviceMails: number;
}

const DEVICE_MAIL: MailKind = 'new-device';

const select = builtOnce((db) => {
  const anySession = db.select({ one: sql`1` }).from(sessions).where(eq(sessions.userId, users.id));
  const liveSessions = db
    .select({ live: count() })
    .from(sessions)
    .where(liveOf(sql`${users.id}`, placeholder('now', sessions.expiresAt)));
  // reads this many entries of an index and no more
  const surplus = db
    .select({ one: sql`1` })
    .from(sessions)
    .where(eq(sessions.userId, users.id))
    .limit(1)
    .offset(sql.placeholder('keep'));
  const deviceMails = db
    .select({ mails: count() })
    .from(outbox)
    .where(
      and(
        eq(outbox.userId, users.id),
        eq(outbox.kind, DEVICE_MAIL),
        gt(outbox.createdAt, placeholder('since', outbox.createdAt)),
      ),
    );
  return db
    .select({
      hasSessions: sql<boolean>`${exists(anySession)}`.mapWith(Boolean),
      liveSessions: sql<number>`${liveSessions}`.mapWith(Number),
      hasSurplus: sql<boolean>`${surplus} is not null`.mapWith(Boolean),
      deviceMails: sql<number>`${deviceMails}`.mapWith(Number),
    })
    .from(users)
    .where(eq(users.id, placeholder('id', users.id)))
    .prepare();
});

/** Asks everything in one query: while other sign-ins are being hashed, a round trip costs more than the answer. */
export async function findLoginHistory(
  db: Db,
  id: string,
  { now, mailsSince: since, keep }: { now: Date; mailsSince: Date; keep: number },
): Promise<LoginHistory> {
  const [history] = await select(db).execute({ id, now, since, keep });
  return history ?? { hasSessions: false, liveSessions: 0, hasSurplus: false, deviceMails: 0 };
}
