import { and, desc, eq, inArray, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import type { SessionEndReason } from '../db/enumerations.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { sessions } from '../db/schema.ts';
import { liveOf } from './session.ts';

/** @returns whether this call ended it: a session ends only once */
export async function endSession(
  db: Db,
  id: string,
  reason: SessionEndReason,
  now: Date,
): Promise<boolean> {
  return (await end(db, and(eq(sessions.id, id), isNull(sessions.endedAt)), reason, now)) === 1;
}

/** Ends a live session if it is this user's. */
export async function endOwnSession(
  db: Db,
  owner: { id: string; userId: string },
  reason: SessionEndReason,
  now: Date,
): Promise<boolean> {
  const which = and(eq(sessions.id, owner.id), liveOf(owner.userId, now));
  return (await end(db, which, reason, now)) === 1;
}

/**
 * Ends all live sessions of a user.
 *
 * @param except a session that goes on
 * @returns how many it ended
 */
export async function endSessionsOf(
  db: Db,
  userId: string,
  reason: SessionEndReason,
  now: Date,
  except: string | null = null,
): Promise<number> {
  const others = except === null ? undefined : ne(sessions.id, except);
  return end(db, and(liveOf(userId, now), others), reason, now);
}

async function end(
  db: Db,
  which: SQL | undefined,
  reason: SessionEndReason,
  now: Date,
): Promise<number> {
  const set = { endedAt: now, endReason: reason };
  return affectedRows(await db.update(sessions).set(set).where(which));
}

const MOST_ENDED = 1000;
const selectSurplus = builtOnce((db) =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(liveOf(placeholder('userId', sessions.userId), placeholder('now', sessions.expiresAt)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .limit(MOST_ENDED)
    .offset(sql.placeholder('keep'))
    .prepare(),
);

/**
 * Ends a user's oldest live sessions, so that the `keep` newest are left; at most 1000 of them.
 *
 * @returns how many
 */
export async function endSurplusSessions(
  db: Db,
  userId: string,
  keep: number,
  now: Date,
): Promise<number> {
  const surplus = await selectSurplus(db).execute({ userId, keep, now });
  if (surplus.length === 0) return 0;
  const ids = surplus.map((row) => row.id);
  await end(db, inArray(sessions.id, ids), 'SESSION_LIMIT', now);
  return surplus.length;
}
