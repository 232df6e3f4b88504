import { and, desc, eq, gt, inArray, isNull, ne, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import type { SessionEndReason } from '../db/enumerations.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { sessions } from '../db/schema.ts';

/** @returns whether this call ended it: a session ends once */
export async function endSession(
  db: Db,
  id: string,
  reason: SessionEndReason,
  now: Date,
): Promise<boolean> {
  const result = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt)));
  return affectedRows(result) === 1;
}

/** Ends a session if it is this user's. */
export async function endOwnSession(
  db: Db,
  owner: { id: string; userId: string },
  reason: SessionEndReason,
  now: Date,
): Promise<boolean> {
  const result = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(
      and(
        eq(sessions.id, owner.id),
        eq(sessions.userId, owner.userId),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, now),
      ),
    );
  return affectedRows(result) === 1;
}

/**
 * Ends all sessions of a user.
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
  const result = await db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, now),
        except === null ? undefined : ne(sessions.id, except),
      ),
    );
  return affectedRows(result);
}

const MOST_ENDED = 1000;
const selectSurplus = builtOnce((db) =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(
      and(
        eq(sessions.userId, placeholder('userId', sessions.userId)),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, placeholder('now', sessions.expiresAt)),
      ),
    )
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .limit(MOST_ENDED)
    .offset(sql.placeholder('keep'))
    .prepare(),
);

/** Ends the oldest live sessions of a user beyond the `keep` newest. @returns how many */
export async function endSurplusSessions(
  db: Db,
  userId: string,
  keep: number,
  now: Date,
): Promise<number> {
  const surplus = await selectSurplus(db).execute({ userId, keep, now });
  if (surplus.length === 0) return 0;
  await db
    .update(sessions)
    .set({ endedAt: now, endReason: 'SESSION_LIMIT' })
    .where(
      inArray(
        sessions.id,
        surplus.map((row) => row.id),
      ),
    );
  return surplus.length;
}
