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

/**
 * Takes one attempt at a challenge that is open and has attempts left.
 *
 * @returns the challenge, or `null` when there is no such attempt to take
 */
export async function takeChallengeAttempt(
  db: Db,
  tokenHash: Buffer,
  attempts: number,
  now: Date,
): Promise<LoginChallenge | null> {
  const result = await db
    .update(loginChallenges)
    .set({ attempts: sql`${loginChallenges.attempts} + 1` })
    .where(
      and(
        eq(loginChallenges.tokenHash, tokenHash),
        isNull(loginChallenges.consumedAt),
        gt(loginChallenges.expiresAt, now),
        lt(loginChallenges.attempts, attempts),
      ),
    );
  if (affectedRows(result) !== 1) return null;
  const [challenge] = await db
    .select()
    .from(loginChallenges)
    .where(eq(loginChallenges.tokenHash, tokenHash));
  return challenge ?? null;
}

/** Uses a challenge up. @returns whether this call did: it opens one session */
export async function consumeChallenge(db: Db, tokenHash: Buffer, now: Date): Promise<boolean> {
  const result = await db
    .update(loginChallenges)
    .set({ consumedAt: now })
    .where(and(eq(loginChallenges.tokenHash, tokenHash), isNull(loginChallenges.consumedAt)));
  return affectedRows(result) === 1;
}

/** Closes all half-finished sign-ins of a user, as when a password or factor changes. */
export async function deleteChallengesOf(db: Db, userId: string): Promise<void> {
  await db.delete(loginChallenges).where(eq(loginChallenges.userId, userId));
}

/** Forgets challenges that nobody can use any more, at the most `limit` of them. */
export async function purgeLoginChallenges(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(loginChallenges)
      .where(lte(loginChallenges.expiresAt, before))
      .orderBy(asc(loginChallenges.expiresAt))
      .limit(limit),
  );
}
