import { and, asc, desc, eq, isNull } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { isDuplicateKey } from '../db/failure.ts';
import { signingKeys } from '../db/schema.ts';

export type SigningKey = typeof signingKeys.$inferSelect;

/**
 * All keys that are not retired, in the order in which they were made.
 *
 * @param mode `lock` locks their rows until the transaction ends
 */
export async function listSigningKeys(
  db: Db,
  mode: 'read' | 'lock' = 'read',
): Promise<SigningKey[]> {
  const rows = db
    .select()
    .from(signingKeys)
    .where(isNull(signingKeys.retiredAt))
    .orderBy(asc(signingKeys.sequence));
  return mode === 'lock' ? rows.for('update') : rows;
}

/** The number of the newest key, retired or not; 0 when there was never one. */
export async function lastSigningKeySequence(db: Db): Promise<number> {
  const [last] = await db
    .select({ sequence: signingKeys.sequence })
    .from(signingKeys)
    .orderBy(desc(signingKeys.sequence))
    .limit(1);
  return last?.sequence ?? 0;
}

/**
 * Adds a key under the next number.
 *
 * @returns `false` when another instance has already added one with this number: of all instances that find the same
 *   key missing, one adds it and the others use it
 */
export async function insertSigningKey(db: Db, key: SigningKey): Promise<boolean> {
  try {
    await db.insert(signingKeys).values(key);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/** @returns whether this call retired it */
export async function retireSigningKey(db: Db, id: string, now: Date): Promise<boolean> {
  const result = await db
    .update(signingKeys)
    .set({ retiredAt: now })
    .where(and(eq(signingKeys.id, id), isNull(signingKeys.retiredAt)));
  return affectedRows(result) === 1;
}

/** Replaces a private key by another ciphertext of the same key, unless it has been replaced since it was read. */
export async function replacePrivateKey(
  db: Db,
  key: SigningKey,
  privateJwk: Buffer,
): Promise<void> {
  await db
    .update(signingKeys)
    .set({ privateJwk })
    .where(and(eq(signingKeys.id, key.id), eq(signingKeys.privateJwk, key.privateJwk)));
}
