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
 * `GRANTED`: the attempt may be made, and must be settled. `LOCKED`: too many have failed. `BUSY`: as many are being made
 * at this moment as could still fail; one of them will be settled soon.
 */
export type Reservation = { kind: 'GRANTED' } | { kind: 'LOCKED'; until: Date } | { kind: 'BUSY' };

// an attempt that was not settled by now never will be: its instance died, or the database was away
const PENDING_FOR_MS = 30_000;

const { failures, pending, attemptedAt, lockedUntil } = attemptCounters;
const given = (name: string) => placeholder(name, attemptedAt);

// long ago counts no more
const isForgotten = sql`(${attemptedAt} <= ${given('windowStart')} or ${lockedUntil} is not null)`;
const isAbandoned = sql`${attemptedAt} <= ${given('pendingSince')}`;

// MySQL assigns from left to right: each line asks for the old values of those below it
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
 * Counts an attempt before it is made. Counting only what has failed would let any number of guesses through at the same
 * moment, all before the first has failed.
 *
 * Attempts that were never settled count as failures in the end, so that nobody gains guesses by breaking the service. But
 * they alone lock nobody out: one attempt is left, and if it is the owner's, they are forgotten.
 *
 * @param key what is counted, as a digest; it exists for every identifier, whether or not an account does
 * @param owner whose device it is, as a digest too; `null` for what is no known device
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
    // another attempt was the first; this one comes again
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
 * The attempt failed. Run it in a transaction: of the failures that reach the limit one locks the counter.
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

/** The attempt succeeded: consecutive failures start from zero. */
export async function settleSuccess(db: Db, key: Buffer): Promise<void> {
  await settle(db).execute({ key });
}

/** The attempt was not made after all, as when the service was too busy: it counts neither way. */
export async function withdrawAttempt(db: Db, key: Buffer): Promise<void> {
  await db
    .update(attemptCounters)
    .set({ pending: sql`greatest(${pending} - 1, 0)` })
    .where(eq(attemptCounters.key, key));
}

/** Lifts a lock and forgets the failures. @returns whether there was anything to lift */
export async function clearAttempts(db: Db, key: Buffer): Promise<boolean> {
  return affectedRows(await db.delete(attemptCounters).where(eq(attemptCounters.key, key))) === 1;
}

/** The same of all devices of a user. @param owner as they were reserved with */
export async function clearDeviceAttempts(db: Db, owner: Buffer): Promise<void> {
  await db.delete(attemptCounters).where(eq(attemptCounters.owner, owner));
}

/** What is counted of the devices of a user. */
export async function listDeviceCounters(db: Db, owner: Buffer) {
  return db.select().from(attemptCounters).where(eq(attemptCounters.owner, owner));
}

/** What is counted under a key. */
export async function findCounter(db: Db, key: Buffer) {
  const [counter] = await db.select().from(attemptCounters).where(eq(attemptCounters.key, key));
  return counter ?? null;
}

export async function countLockedCounters(db: Db, now: Date): Promise<number> {
  return db.$count(attemptCounters, gt(lockedUntil, now));
}

/** Forgets counters that say nothing any more, at the most `limit` of them. */
export async function purgeAttemptCounters(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(attemptCounters)
      .where(lte(attemptedAt, before))
      .orderBy(asc(attemptedAt))
      .limit(limit),
  );
}
