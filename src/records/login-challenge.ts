import { and, asc, eq, gt, isNull, lt, lte, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { loginChallenges } from '../db/schema.ts';

export type LoginChallenge = typeof loginChallenges.$inferSelect;

export async function insertLoginChallenge(
  db: Db,
  challenge: Omit<LoginChallenge, 'attempts' | 'consumedAt'>,
): Promise<void> {
  await db.insert(loginChallenges).values({ ...challenge, attempts: 0, consumedAt: null });
}

/** The condition for a challenge to accept another code. */
const takesCodes = (tokenHash: Buffer, attempts: number, now: Date) =>
  and(
    eq(loginChallenges.tokenHash, tokenHash),
    isNull(loginChallenges.consumedAt),
    gt(loginChallenges.expiresAt, now),
    lt(loginChallenges.attempts, attempts),
  );

/**
 * @param attempts how many codes a challenge accepts
 * @returns `null` if the challenge is over, or never existed
 */
export async function findOpenChallenge(
  db: Db,
  tokenHash: Buffer,
  attempts: number,
  now: Date,
): Promise<LoginChallenge | null> {
  const [challenge] = await db
    .select()
    .from(loginChallenges)
    .where(takesCodes(tokenHash, attempts, now));
  return challenge ?? null;
}

/**
 * Uses up one attempt of a challenge that is open and has attempts left. Concurrent attempts wait until the transaction
 * ends.
 *
 * @returns whether there was an attempt left
 */
export async function takeChallengeAttempt(
  tx: Db,
  tokenHash: Buffer,
  attempts: number,
  now: Date,
): Promise<boolean> {
  const result = await tx
    .update(loginChallenges)
    .set({ attempts: sql`${loginChallenges.attempts} + 1` })
    .where(takesCodes(tokenHash, attempts, now));
  return affectedRows(result) === 1;
}

/**
 * Uses a challenge up.
 *
 * @returns whether this call did: a challenge opens only one session
 */
export async function consumeChallenge(db: Db, tokenHash: Buffer, now: Date): Promise<boolean> {
  const result = await db
    .update(loginChallenges)
    .set({ consumedAt: now })
    .where(and(eq(loginChallenges.tokenHash, tokenHash), isNull(loginChallenges.consumedAt)));
  return affectedRows(result) === 1;
}

/** Deletes all unfinished sign-ins of a user, for example when a password or factor changes. */
export async function deleteChallengesOf(db: Db, userId: string): Promise<void> {
  await db.delete(loginChallenges).where(eq(loginChallenges.userId, userId));
}

/** Deletes challenges that expired before a time, at most `limit` of them. */
export async function purgeLoginChallenges(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(loginChallenges)
      .where(lte(loginChallenges.expiresAt, before))
      .orderBy(asc(loginChallenges.expiresAt))
      .limit(limit),
  );
}
