import { asc, desc, eq, lte, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { placeholder, statementBuiltOnce } from '../db/prepared-query.ts';
import type { Redis } from '../db/redis.ts';
import { rateLimitHits } from '../db/schema.ts';

const { hits, expiresAt } = rateLimitHits;
const given = (name: string) => placeholder(name, expiresAt);

// MySQL assigns from left to right, so `hits` reads the old `expires_at`
const countHit = statementBuiltOnce(sql`
  insert into ${rateLimitHits} (\`key\`, \`hits\`, \`expires_at\`)
  values (${sql.placeholder('key')}, 1, ${given('windowEnd')})
  on duplicate key update
    \`hits\` = last_insert_id(if(${expiresAt} <= ${given('now')}, 1, ${hits} + 1)),
    \`expires_at\` = if(${expiresAt} <= ${given('now')}, ${given('windowEnd')}, ${expiresAt})`);

/**
 * Counts a hit and returns its number within the window, in one statement: of a hundred hits at the same moment each
 * gets another number, whichever instance they reach. The window starts with its first hit.
 *
 * `LAST_INSERT_ID(expression)` returns the number along with the answer. This is the documented way to count in MySQL
 * and MariaDB. The value belongs to the connection, and has nothing to do with AUTO_INCREMENT.
 */
export async function recordHit(db: Db, key: Buffer, windowMs: number, now: Date): Promise<number> {
  const windowEnd = new Date(now.getTime() + windowMs);
  const [result] = await countHit(db).execute({ key, windowEnd, now });
  // an INSERT affects one row, an UPDATE two
  return result.affectedRows === 1 ? 1 : result.insertId;
}

/** When the latest window of a key ends or ended; `null` when there is none. */
export async function windowEnd(db: Db, key: Buffer): Promise<Date | null> {
  const [row] = await db
    .select({ expiresAt })
    .from(rateLimitHits)
    .where(eq(rateLimitHits.key, key));
  return row?.expiresAt ?? null;
}

/** Counts hits, for all instances together. */
export interface HitCounter {
  /**
   * Counts a hit.
   *
   * @returns its number within the window
   */
  record(key: Buffer, windowMs: number, now: Date): Promise<number>;
  /** When the latest window of a key ends or ended; `null` when there is none. */
  windowEnd(key: Buffer, now: Date): Promise<Date | null>;
}

/**
 * Counts in Redis if there is one, and in the database while Redis does not answer. A limit may then let through up to
 * twice as many hits, but never an unlimited number.
 *
 * @param fellBack called for each hit that went to the database instead
 */
export function createHitCounter(
  db: Db,
  redis: Redis | undefined,
  fellBack: () => void = () => undefined,
): HitCounter {
  return {
    async record(key, windowMs, now) {
      const hit = await redis?.hit(key, windowMs, now.getTime());
      if (typeof hit === 'number') return hit;
      if (hit === null) fellBack();
      return recordHit(db, key, windowMs, now);
    },
    async windowEnd(key, now) {
      const ends = (await redis?.windowEnd(key, now.getTime())) ?? null;
      return ends === null ? windowEnd(db, key) : new Date(ends);
    },
  };
}

/** Deletes windows that ended before a time, at most `limit` of them. */
export async function purgeRateLimitHits(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(rateLimitHits)
      .where(lte(expiresAt, before))
      .orderBy(asc(expiresAt))
      .limit(limit),
  );
}

/**
 * The time before which to delete windows, so that only the `most` that end last are left; `null` when there are no
 * more than that. It reads `most` entries of the index, so call it once per run and not for each batch.
 */
export async function findHitsBeyond(db: Db, most: number): Promise<Date | null> {
  const [first] = await db
    .select({ expiresAt })
    // without the hint, a server sorts the whole table when it has fewer rows than that
    .from(rateLimitHits, { forceIndex: 'rate_limit_hits_expiry_index' })
    .orderBy(desc(expiresAt))
    .limit(1)
    .offset(most);
  return first?.expiresAt ?? null;
}
