import { and, asc, eq, gt, gte, inArray, isNull, lte, ne } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import type { EmailTokenPurpose } from '../db/enumerations.ts';
import { builtOnce, insertBuiltOnce, placeholder } from '../db/prepared-query.ts';
import { emailTokens } from '../db/schema.ts';

export type { EmailTokenPurpose };
export type EmailToken = typeof emailTokens.$inferSelect;

const { tokenHash, userId, purpose, consumedAt, createdAt, expiresAt } = emailTokens;

const insert = insertBuiltOnce(emailTokens);
const voidPurpose = builtOnce((db) =>
  db
    .update(emailTokens)
    .set({ consumedAt: placeholder('now', consumedAt) })
    .where(
      and(
        eq(userId, placeholder('owner', userId)),
        eq(purpose, placeholder('purpose', purpose)),
        isNull(consumedAt),
      ),
    )
    .prepare(),
);

const UNDO: EmailTokenPurpose = 'UNDO_EMAIL_CHANGE';

/**
 * Stores a token that is sent by mail. It voids the user's earlier tokens of the same purpose, except those that undo a
 * change of address: somebody who takes over an account must not disarm them by changing the address once more.
 */
export async function putEmailToken(db: Db, token: Omit<EmailToken, 'consumedAt'>): Promise<void> {
  if (token.purpose !== UNDO) {
    const { userId: owner, purpose: its, createdAt: now } = token;
    await voidPurpose(db).execute({ owner, purpose: its, now });
  }
  await putFirstEmailToken(db, token);
}

/** Stores a token of a user who was created in the same transaction, and so has no earlier one to void. */
export async function putFirstEmailToken(
  db: Db,
  token: Omit<EmailToken, 'consumedAt'>,
): Promise<void> {
  await insert(db).execute({ ...token, consumedAt: null });
}

/** Finds a token that is still valid, without using it up. */
export async function findEmailToken(
  db: Db,
  hash: Buffer,
  purposes: readonly EmailTokenPurpose[],
  now: Date,
): Promise<EmailToken | null> {
  const [token] = await db
    .select()
    .from(emailTokens)
    .where(isGood(hash, purposes, now));
  return token ?? null;
}

/**
 * Uses a token up.
 *
 * @returns the token; `null` if it is unknown, used, expired, or for another purpose
 */
export async function takeEmailToken(
  db: Db,
  hash: Buffer,
  purposes: readonly EmailTokenPurpose[],
  now: Date,
): Promise<EmailToken | null> {
  const result = await db
    .update(emailTokens)
    .set({ consumedAt: now })
    .where(isGood(hash, purposes, now));
  if (affectedRows(result) !== 1) return null;
  const [token] = await db.select().from(emailTokens).where(eq(tokenHash, hash));
  return token ?? null;
}

const isGood = (hash: Buffer, purposes: readonly EmailTokenPurpose[], now: Date) =>
  and(eq(tokenHash, hash), inArray(purpose, [...purposes]), isNull(consumedAt), gt(expiresAt, now));

/** Voids a user's tokens of some purposes. */
export async function voidEmailTokens(
  db: Db,
  owner: string,
  purposes: readonly EmailTokenPurpose[],
  now: Date,
): Promise<void> {
  await db
    .update(emailTokens)
    .set({ consumedAt: now })
    .where(and(eq(userId, owner), inArray(purpose, [...purposes]), isNull(consumedAt)));
}

/** Voids all tokens that a user was sent, except those that undo changes of the address. */
export async function voidLinksOf(db: Db, owner: string, now: Date): Promise<void> {
  await db
    .update(emailTokens)
    .set({ consumedAt: now })
    .where(and(eq(userId, owner), ne(purpose, UNDO), isNull(consumedAt)));
}

/** Voids a user's tokens that undo changes of the address, as far as they were issued at `since` or later. */
export async function voidUndoTokensSince(
  db: Db,
  owner: string,
  since: Date,
  now: Date,
): Promise<void> {
  await db
    .update(emailTokens)
    .set({ consumedAt: now })
    .where(and(eq(userId, owner), eq(purpose, UNDO), gte(createdAt, since), isNull(consumedAt)));
}

/** Whether a user was sent a token of this purpose after `since` that has been neither used nor voided. */
export async function hasEmailTokenSince(
  db: Db,
  owner: string,
  of: EmailTokenPurpose,
  since: Date,
): Promise<boolean> {
  const found = await db
    .select({ createdAt })
    .from(emailTokens)
    .where(and(eq(userId, owner), eq(purpose, of), gt(createdAt, since), isNull(consumedAt)))
    .limit(1);
  return found.length > 0;
}

/** Deletes tokens of a purpose that expired before a time, at most `limit` of them, the earliest first. */
export async function purgeEmailTokens(
  db: Db,
  of: EmailTokenPurpose,
  before: Date,
  limit: number,
): Promise<number> {
  return affectedRows(
    await db
      .delete(emailTokens)
      .where(and(eq(purpose, of), lte(expiresAt, before)))
      .orderBy(asc(expiresAt))
      .limit(limit),
  );
}
