import { and, asc, eq, gt, isNotNull, isNull, lt, lte, or } from 'drizzle-orm';
import type { Batch } from '../db/batches.ts';
import { affectedRows, type Db } from '../db/client.ts';
import { totpEnrolments, users } from '../db/schema.ts';

/** Stores a secret that waits for its first code, in the place of one that was waiting before. */
export async function putTotpEnrolment(
  db: Db,
  enrolment: { userId: string; secret: Buffer; expiresAt: Date },
): Promise<void> {
  const { secret, expiresAt } = enrolment;
  await db
    .insert(totpEnrolments)
    .values(enrolment)
    .onDuplicateKeyUpdate({ set: { secret, expiresAt } });
}

export async function findTotpEnrolment(
  db: Db,
  userId: string,
  now: Date,
): Promise<{ secret: Buffer } | null> {
  const [enrolment] = await db
    .select({ secret: totpEnrolments.secret })
    .from(totpEnrolments)
    .where(and(eq(totpEnrolments.userId, userId), gt(totpEnrolments.expiresAt, now)));
  return enrolment ?? null;
}

/**
 * Takes the waiting secret out.
 *
 * @returns whether this call did, and it was still the given one
 */
export async function takeTotpEnrolment(db: Db, userId: string, secret: Buffer): Promise<boolean> {
  const result = await db
    .delete(totpEnrolments)
    .where(and(eq(totpEnrolments.userId, userId), eq(totpEnrolments.secret, secret)));
  return affectedRows(result) === 1;
}

/**
 * Puts a confirmed secret into use, with its first time step used up.
 *
 * @returns `false` when TOTP is already on
 */
export async function enableTotpSecret(
  db: Db,
  userId: string,
  secret: Buffer,
  step: number,
  now: Date,
): Promise<boolean> {
  const result = await db
    .update(users)
    .set({ totpSecret: secret, totpLastStep: step, updatedAt: now })
    .where(and(eq(users.id, userId), isNull(users.totpSecret)));
  return affectedRows(result) === 1;
}

/** @returns whether this call turned it off */
export async function disableTotpSecret(db: Db, userId: string, now: Date): Promise<boolean> {
  await db.delete(totpEnrolments).where(eq(totpEnrolments.userId, userId));
  const result = await db
    .update(users)
    .set({ totpSecret: null, totpLastStep: null, updatedAt: now })
    .where(and(eq(users.id, userId), isNotNull(users.totpSecret)));
  return affectedRows(result) === 1;
}

/**
 * Uses up a time step and all earlier ones, so that a code that somebody saw cannot be replayed.
 *
 * @param secret the stored secret that the code was checked against; another enrolment has its own steps
 * @returns whether this call did
 */
export async function takeTotpStep(
  db: Db,
  userId: string,
  secret: Buffer,
  step: number,
): Promise<boolean> {
  const result = await db
    .update(users)
    .set({ totpLastStep: step })
    .where(
      and(
        eq(users.id, userId),
        eq(users.totpSecret, secret),
        or(isNull(users.totpLastStep), lt(users.totpLastStep, step)),
      ),
    );
  return affectedRows(result) === 1;
}

/** Deletes enrolments that expired unconfirmed before a time, at most `limit` of them. */
export async function purgeTotpEnrolments(db: Db, before: Date, limit: number): Promise<number> {
  return affectedRows(
    await db
      .delete(totpEnrolments)
      .where(lte(totpEnrolments.expiresAt, before))
      .orderBy(asc(totpEnrolments.expiresAt))
      .limit(limit),
  );
}

/** A secret as it is stored, with its user's id. */
export interface StoredTotpSecret {
  id: string;
  secret: Buffer;
}

/** Secrets in use, encrypted under any key. */
export async function listTotpSecrets(
  db: Db,
  { after, limit }: Batch,
): Promise<StoredTotpSecret[]> {
  const rows = await db
    .select({ id: users.id, secret: users.totpSecret })
    // left to choose, a server may scan all users for the few who have a secret
    .from(users, { forceIndex: 'users_totp_index' })
    .where(and(eq(users.totpEnabled, true), after === null ? undefined : gt(users.id, after)))
    .orderBy(asc(users.id))
    .limit(limit);
  return rows.flatMap(({ id, secret }) => (secret === null ? [] : [{ id, secret }]));
}

/** `listTotpSecrets` for secrets that wait for their first code. */
export async function listTotpEnrolments(
  db: Db,
  { after, limit }: Batch,
): Promise<StoredTotpSecret[]> {
  return db
    .select({ id: totpEnrolments.userId, secret: totpEnrolments.secret })
    .from(totpEnrolments)
    .where(after === null ? undefined : gt(totpEnrolments.userId, after))
    .orderBy(asc(totpEnrolments.userId))
    .limit(limit);
}

/** Replaces a secret by another ciphertext of the same secret, unless it has been replaced in the meantime. */
export async function replaceTotpSecret(db: Db, from: StoredTotpSecret, to: Buffer): Promise<void> {
  await db
    .update(users)
    .set({ totpSecret: to })
    .where(and(eq(users.id, from.id), eq(users.totpSecret, from.secret)));
}

/** `replaceTotpSecret` for a secret that waits for its first code. */
export async function replaceTotpEnrolment(
  db: Db,
  from: StoredTotpSecret,
  to: Buffer,
): Promise<void> {
  await db
    .update(totpEnrolments)
    .set({ secret: to })
    .where(and(eq(totpEnrolments.userId, from.id), eq(totpEnrolments.secret, from.secret)));
}
