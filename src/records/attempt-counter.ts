import { and, asc, eq, gt, gte, isNull, lte, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { isDuplicateKey } from '../db/failure.ts';
import { builtOnce, placeholder, statementBuiltOnce } from '../db/prepared-query.ts';
import { attemptCounters } from '../db/schema.ts';

/** How many failures lock a counter, and for how long. */
export interface AttemptLimit {
  limit: number;
  windowMs: number;
}

/**
 * `GRANTED`: the attempt may be made, and must be settled. `LOCKED`: too many have failed. `BUSY`: as many attempts are
 * in progress as may still fail; one of them will be settled soon.
 */
export type Reservation = { kind: 'GRANTED' } | { kind: 'LOCKED'; until: Date } | { kind: 'BUSY' };

// an attempt that is still pending after this time will never be settled: its instance died, or lost the database
const PENDING_FOR_MS = 30_000;

const { failures, pending, attemptedAt, lockedUntil } = attemptCounters;
const given = (name: string) => placeholder(name, attemptedAt);

// failures from before the window, or from before a lock that has ended, no longer count
const isForgotten = sql`(${attemptedAt} <= ${given('windowStart')} or ${lockedUntil} is not null)`;
const isAbandoned = sql`${attemptedAt} <= ${given('pendingSince')}`;

// MySQL assigns from left to right, so each line reads the old values of the columns below it
const reserve = statementBuiltOnce(sql`
  update ${attemptCounters} set
    \`failures\` = if(${isForgotten}, 0, least(${failures} + if(${isAbandoned}, ${pending}, 0), ${sql.placeholder('last')})),
    \`pending\` = if(${isAbandoned}, 0, ${pending}) + 1,
    \`attempted_at\` = ${given('now')},
    \`locked_until\` = null
  where ${attemptCounters.key} = ${sql.placeholder('key')}
    and (${lockedUntil} is null or ${lockedUntil} <= ${given('now')})
    and (${isForgotten} or ${failures} + if(${isAbandoned}, 0, ${pending}) < ${sql.placeholder('limit')})`);

/**
 * Counts an attempt before it is made. If only failures were counted, any number of concurrent guesses would pass
 * before the first of them has failed.
 *
 * Attempts that are never settled count as failures in the end, so that nobody gains guesses by breaking the service.
 * But they alone lock nobody out: one attempt is always left, and if it succeeds, they are forgotten.
 *
 * @param key a digest of what is counted; it exists for every identifier, whether or not there is an account
 * @param owner for a known device: a digest of its user; otherwise `null`
 */
export async function reserveAttempt(
  db: Db,
  key: Buffer,
  { limit, windowMs }: AttemptLimit,
  now: Date,
  owner: Buffer | null = null,
): Promise<Reservation> {
  const windowStart = new Date(now.getTime() - windowMs);
  const pendingSince = new Date(now.getTime() - PENDING_FOR_MS);
  const values = { key, limit, last: limit - 1, now, windowStart, pendingSince };
  const [result] = await reserve(db).execute(values);
  if (result.affectedRows === 1) return { kind: 'GRANTED' };
  return (await firstAttempt(db, key, owner, now)) ?? (await refusal(db, key, now));
}

async function firstAttempt(
  db: Db,
  key: Buffer,
  owner: Buffer | null,
  now: Date,
): Promise<Reservation | null> {
  const [known] = await db
    .select({ key: attemptCounters.key })
    .from(attemptCounters)
    .where(eq(attemptCounters.key, key));
  if (known !== undefined) return null;
  try {
    await db
      .insert(attemptCounters)
      .values({ key, failures: 0, pending: 1, attemptedAt: now, lockedUntil: null, owner });
    return { kind: 'GRANTED' };
  } catch (error) {
    // a concurrent attempt created the counter first; this one tries again
    if (isDuplicateKey(error)) return { kind: 'BUSY' };
    throw error;
  }
}

async function refusal(db: Db, key: Buffer, now: Date): Promise<Reservation> {
  const [counter] = await db
    .select({ lockedUntil })
    .from(attemptCounters)
    .where(eq(attemptCounters.key, key));
  const until = counter?.lockedUntil ?? null;
  return until !== null && until > now ? { kind: 'LOCKED', until } : { kind: 'BUSY' };
}

/**
 * Settles an attempt as failed. Run it in a transaction: of the failures that reach the limit, exactly one locks the
 * counter.
 *
 * @returns whether this failure locked it
 */
export async function settleFailure(
  db: Db,
  key: Buffer,
  { limit, windowMs }: AttemptLimit,
  now: Date,
): Promise<boolean> {
  await db
    .update(attemptCounters)
    .set({ failures: sql`${failures} + 1`, pending: sql`greatest(${pending} - 1, 0)` })
    .where(eq(attemptCounters.key, key));
  const result = await db
    .update(attemptCounters)
    .set({ lockedUntil: new Date(now.getTime() + windowMs) })
    .where(and(eq(attemptCounters.key, key), gte(failures, limit), isNull(lockedUntil)));
  return affectedRows(result) === 1;
}

const settle = builtOnce((db) =>
  db
    .update(attemptCounters)
    .set({ failures: 0, pending: sql`greatest(${pending} - 1, 0)`, lockedUntil: null })
    .where(eq(attemptCounters.key, placeholder('key', attemptCounters.key)))
    .prepare(),
);

/** Settles an attempt as successful: consecutive failures start from zero again. */
export async function settleSuccess(db: Db, key: Buffer): Promise<void> {
  await settle(db).execute({ key });
}

/** Takes back an attempt that was not made after all, as when the service was too busy. It counts neither way. */
export async function withdrawAttempt(db: Db, key: Buffer): Promise<void> {
  await db
    .update(attemptCounters)
    .set({ pending: sql`greatest(${pending} - 1, 0)` })
    .where(eq(attemptCounters.key, key));
}

/**
 * Lifts a lock and forgets the failures.
 *
 * @returns whether there was a counter
 */
export async function clearAttempts(db: Db, key: Buffer): Promise<boolean> {
  return affectedRows(await db.delete(attemptCounters).where(eq(attemptCounters.key, key))) === 1;
}

/**
 * `clearAttempts` for all devices of a user.
 *
 * @param owner the digest that their attempts were reserved with
 */
export async function clearDeviceAttempts(db: Db, owner: Buffer): Promise<void> {
  await db.delete(attemptCounters).where(eq(attemptCounters.owner, owner));
}

/** The counters of a user's devices. */
export async function listDeviceCounters(db: Db, owner: Buffer) {
  return db.select().from(attemptCounters).where(eq(attemptCounters.owner, owner));
}

/** The counter under a key. */
export async function findCounter(db: Db, key: Buffer) {
  const [counter] = await db.select().from(attemptCounters).where(eq(attemptCounters.key, key));
  return counter ?? null;
}

export async function countLockedCounters(db: Db, now: Date): Promise<number> {
  return db.$count(attemptCounters, gt(lockedUntil, now));
}

/** Deletes counters that were last used before a time and so no longer matter, at most `limit` of them. */
export async function purgeAttemptCounters(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(attemptCounters)
      .where(lte(attemptedAt, before))
      .orderBy(asc(attemptedAt))
      .limit(limit),
  );
}
