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
 * Keeps a token that goes out by mail. It is the only one of its purpose that its user has from now on, but for those that
 * undo a change of address: whoever takes an account over must not disarm them by changing the address once more.
 */
export async function putEmailToken(db: Db, token: Omit<EmailToken, 'consumedAt'>): Promise<void> {
  if (token.purpose !== UNDO) {
    const { userId: owner, purpose: its, createdAt: now } = token;
    await voidPurpose(db).execute({ owner, purpose: its, now });
  }
  await putFirstEmailToken(db, token);
}

/** Keeps a token of a user who was made in the same transaction, and has none that it could replace. */
export async function putFirstEmailToken(
  db: Db,
  token: Omit<EmailToken, 'consumedAt'>,
): Promise<void> {
  await insert(db).execute({ ...token, consumedAt: null });
}

/** A token that is still good, and is left so. */
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

/** Uses a token up. @returns it, or `null` when it was not there to be used, or not for any of these purposes */
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

/** Makes the tokens of some purposes that a user has worthless. */
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

/** Makes everything worthless that a user was sent, but for what undoes changes of the address. */
export async function voidLinksOf(db: Db, owner: string, now: Date): Promise<void> {
  await db
    .update(emailTokens)
    .set({ consumedAt: now })
    .where(and(eq(userId, owner), ne(purpose, UNDO), isNull(consumedAt)));
}

/** Makes worthless what undoes the changes of an address that came after one. */
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

/** Whether a user was sent a token of this purpose since then that is still good. */
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

/** Forgets tokens of a purpose that nobody can use any more, at the most `limit` of them: those that ran out first. */
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
