import { and, asc, count, desc, eq, gt, inArray, isNotNull, lte, min, or } from 'drizzle-orm';
import { decrypt } from '../crypto/cipher.ts';
import type { Keys } from '../crypto/keyring.ts';
import type { Batch } from '../db/batches.ts';
import { affectedRows, type Db } from '../db/client.ts';
import type { OutboxState } from '../db/enumerations.ts';
import { outbox } from '../db/schema.ts';
import type { Mail, MailKind } from '../mail/message.ts';

const LAST_ERROR_LENGTH = 255;
const FINISHED = ['SENT', 'FAILED', 'KEPT'] as const satisfies OutboxState[];

/** A mail that one instance has leased, to send it before the lease ends. */
export interface TakenMail {
  id: string;
  kind: MailKind;
  envelope: Buffer | null;
  /** How often it has been taken, including this time. It tells one lease from the next. */
  attempts: number;
}

/**
 * Takes the mail that has been due for the longest. Run it in a transaction of its own, and commit before sending. It
 * skips rows that another instance is taking at the moment. A mail that was taken but never settled is due again when
 * its lease ends. In a cluster, whose servers do not see each other's locks, several instances may take the same mail,
 * but all commits except one are refused.
 */
export async function takeDueMail(tx: Db, now: Date, leaseEnd: Date): Promise<TakenMail | null> {
  const { id, kind, envelope, attempts } = outbox;
  const [row] = await tx
    .select({ id, kind, envelope, attempts })
    .from(outbox)
    .where(and(eq(outbox.state, 'PENDING'), lte(outbox.dueAt, now)))
    .orderBy(asc(outbox.dueAt))
    .limit(1)
    .for('update', { skipLocked: true });
  if (row === undefined) return null;
  const taken = { ...row, attempts: row.attempts + 1 };
  await tx
    .update(outbox)
    .set({ dueAt: leaseEnd, attempts: taken.attempts })
    .where(eq(outbox.id, row.id));
  return taken;
}

/**
 * Decrypts the contents of an envelope.
 *
 * @throws {MissingSecretError} as `decrypt` does
 */
export function openEnvelope(keys: Keys, id: string, envelope: Buffer): Mail {
  return JSON.parse(decrypt(keys, envelope, id).toString()) as Mail;
}

/** Records that a mail was sent, whoever has the lease by now, and erases its contents. */
export async function markMailSent(db: Db, id: string, now: Date): Promise<void> {
  await db
    .update(outbox)
    .set({ state: 'SENT', envelope: null, lastError: null, dueAt: now, finishedAt: now })
    .where(eq(outbox.id, id));
}

/**
 * Records why a mail could not be sent, and when to try again. Does nothing if the mail has been leased again since.
 */
export async function deferMail(
  db: Db,
  { id, attempts }: TakenMail,
  error: string,
  dueAt: Date,
): Promise<void> {
  await db
    .update(outbox)
    .set({ dueAt, lastError: error.slice(0, LAST_ERROR_LENGTH) })
    .where(leased(id, attempts));
}

/** Gives a mail up, unless it has been leased again since. Its contents stay, so that the operator can retry it. */
export async function giveMailUp(
  db: Db,
  { id, attempts }: TakenMail,
  error: string,
  now: Date,
): Promise<void> {
  const lastError = error.slice(0, LAST_ERROR_LENGTH);
  await db
    .update(outbox)
    .set({ state: 'FAILED', dueAt: now, finishedAt: now, lastError })
    .where(leased(id, attempts));
}

const leased = (id: string, attempts: number) =>
  and(eq(outbox.id, id), eq(outbox.state, 'PENDING'), eq(outbox.attempts, attempts));

/**
 * Retries mails, counting from their first attempt: those that were given up, and those that are due after `later`.
 *
 * @param later no lease ends after it, so nobody is sending a mail that is due later
 * @param id only this mail; without it, all
 * @returns how many
 */
export async function retryMails(db: Db, now: Date, later: Date, id?: string): Promise<number> {
  const isWaiting = or(
    and(eq(outbox.state, 'FAILED'), isNotNull(outbox.envelope)),
    and(eq(outbox.state, 'PENDING'), gt(outbox.dueAt, later)),
  );
  const result = await db
    .update(outbox)
    .set({ state: 'PENDING', attempts: 0, dueAt: now, finishedAt: null })
    .where(id === undefined ? isWaiting : and(isWaiting, eq(outbox.id, id)));
  return affectedRows(result);
}

/** A mail as the operator sees it, without its contents. */
export type OutboxEntry = Omit<typeof outbox.$inferSelect, 'envelope'>;

/** The newest mails in one state, or in any. */
export async function listOutbox(
  db: Db,
  state: OutboxState | undefined,
  limit: number,
): Promise<OutboxEntry[]> {
  return db
    .select({
      id: outbox.id,
      userId: outbox.userId,
      kind: outbox.kind,
      state: outbox.state,
      attempts: outbox.attempts,
      createdAt: outbox.createdAt,
      dueAt: outbox.dueAt,
      finishedAt: outbox.finishedAt,
      lastError: outbox.lastError,
    })
    .from(outbox)
    .where(state === undefined ? undefined : eq(outbox.state, state))
    .orderBy(desc(outbox.id))
    .limit(limit);
}

/** A mail with its envelope. */
export interface SealedMail {
  id: string;
  envelope: Buffer;
}

/** The newest mails that are kept for the developer, or the one with this id. */
export async function listKeptMails(db: Db, limit: number, id?: string): Promise<SealedMail[]> {
  const kept = eq(outbox.state, 'KEPT');
  const rows = await db
    .select({ id: outbox.id, envelope: outbox.envelope })
    .from(outbox)
    .where(id === undefined ? kept : and(kept, eq(outbox.id, id)))
    .orderBy(desc(outbox.id))
    .limit(limit);
  return rows.flatMap(sealed);
}

/** Deletes mails that were finished before a time, at most `limit` of each state. */
export async function purgeMails(db: Db, before: Date, limit: number): Promise<number> {
  let purged = 0;
  // one state at a time, in the order of the index, which begins with the state
  for (const state of FINISHED) {
    const over = and(eq(outbox.state, state), lte(outbox.dueAt, before));
    const result = await db.delete(outbox).where(over).orderBy(asc(outbox.dueAt)).limit(limit);
    purged += affectedRows(result);
  }
  return purged;
}

/** The outbox in figures. */
export interface OutboxFigures {
  pending: number;
  failed: number;
  /** Seconds since the oldest waiting mail was written; 0 when none is waiting. */
  oldestPendingSeconds: number;
}

export async function outboxFigures(db: Db, now: Date): Promise<OutboxFigures> {
  const rows = await db
    .select({ state: outbox.state, mails: count(), oldest: min(outbox.createdAt) })
    .from(outbox)
    .where(inArray(outbox.state, ['PENDING', 'FAILED']))
    .groupBy(outbox.state);
  const pending = rows.find(({ state }) => state === 'PENDING');
  const failed = rows.find(({ state }) => state === 'FAILED');
  const age = pending?.oldest ? now.getTime() - pending.oldest.getTime() : 0;
  return {
    pending: pending?.mails ?? 0,
    failed: failed?.mails ?? 0,
    oldestPendingSeconds: Math.max(0, age / 1000),
  };
}

/** All mails, in the order in which they were written; those that were sent have no envelope. */
export async function listEnvelopes(
  db: Db,
  { after, limit }: Batch,
): Promise<{ id: string; envelope: Buffer | null }[]> {
  return db
    .select({ id: outbox.id, envelope: outbox.envelope })
    .from(outbox)
    .where(after === null ? undefined : gt(outbox.id, after))
    .orderBy(asc(outbox.id))
    .limit(limit);
}

/** Replaces an envelope by another ciphertext of the same mail, unless the mail has been sent in the meantime. */
export async function replaceEnvelope(db: Db, from: SealedMail, envelope: Buffer): Promise<void> {
  await db
    .update(outbox)
    .set({ envelope })
    .where(and(eq(outbox.id, from.id), eq(outbox.envelope, from.envelope)));
}

/** A mail as a list, which is empty when the mail has no contents any more. */
export function sealed({ id, envelope }: { id: string; envelope: Buffer | null }): SealedMail[] {
  return envelope === null ? [] : [{ id, envelope }];
}
