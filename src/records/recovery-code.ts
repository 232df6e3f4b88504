import { and, eq, inArray, isNull } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { recoveryCodes } from '../db/schema.ts';

/** Replaces all recovery codes of a user. */
export async function replaceRecoveryCodes(
  db: Db,
  userId: string,
  codes: readonly { id: string; codeHash: Buffer }[],
): Promise<void> {
  await deleteRecoveryCodes(db, userId);
  await db.insert(recoveryCodes).values(codes.map((code) => ({ ...code, userId })));
}

export async function deleteRecoveryCodes(db: Db, userId: string): Promise<void> {
  await db.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId));
}

/**
 * Uses a recovery code up.
 *
 * @param codeHashes its digests under every key in use
 * @returns whether this call did: a code can be used only once
 */
export async function takeRecoveryCode(
  db: Db,
  userId: string,
  codeHashes: readonly Buffer[],
  now: Date,
): Promise<boolean> {
  const result = await db
    .update(recoveryCodes)
    .set({ usedAt: now })
    .where(
      and(
        eq(recoveryCodes.userId, userId),
        inArray(recoveryCodes.codeHash, [...codeHashes]),
        isNull(recoveryCodes.usedAt),
      ),
    );
  return affectedRows(result) === 1;
}

export async function countRecoveryCodes(db: Db, userId: string): Promise<number> {
  return db.$count(
    recoveryCodes,
    and(eq(recoveryCodes.userId, userId), isNull(recoveryCodes.usedAt)),
  );
}
