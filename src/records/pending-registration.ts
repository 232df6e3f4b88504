import { and, asc, eq, gt, lte } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { pendingRegistrations } from '../db/schema.ts';

/** A registration that waits until its address is confirmed. It says nothing about who has that address now. */
export type PendingRegistration = typeof pendingRegistrations.$inferSelect;

/** The newest link of a registration; earlier ones are invalid. */
export type PendingLink = Pick<PendingRegistration, 'tokenHash' | 'linkedAt' | 'expiresAt'>;

const { emailKey, tokenHash, expiresAt } = pendingRegistrations;

/** Stores a registration, in the place of one that waits at the same address. */
export async function putPendingRegistration(
  db: Db,
  registration: PendingRegistration,
): Promise<void> {
  const { emailKey: _key, ...set } = registration;
  await db.insert(pendingRegistrations).values(registration).onDuplicateKeyUpdate({ set });
}

const selectByEmail = builtOnce((db) =>
  db
    .select()
    .from(pendingRegistrations)
    .where(eq(emailKey, placeholder('key', emailKey)))
    .prepare(),
);

/**
 * The registration that waits at an address, even if its link has expired.
 *
 * @param key as `identifierKey` makes it
 */
export async function findPendingRegistration(
  db: Db,
  key: string,
): Promise<PendingRegistration | null> {
  const [found] = await selectByEmail(db).execute({ key });
  return found ?? null;
}

/**
 * Takes a registration out by the token of its newest link. If two callers open the link at the same moment, only one
 * gets the registration.
 *
 * @returns the registration; `null` if it was replaced or taken, or its link has expired
 */
export async function takePendingRegistration(
  db: Db,
  hash: Buffer,
  now: Date,
): Promise<PendingRegistration | null> {
  const isGood = and(eq(tokenHash, hash), gt(expiresAt, now));
  const [found] = await db.select().from(pendingRegistrations).where(isGood);
  if (found === undefined) return null;
  // every change of a row changes its token, so the deleted row is the one that was read
  const result = await db
    .delete(pendingRegistrations)
    .where(and(eq(emailKey, found.emailKey), isGood));
  return affectedRows(result) === 1 ? found : null;
}

/**
 * Gives a registration another link, unless it has got one since it was read.
 *
 * @returns whether it did
 */
export async function renewPendingLink(
  db: Db,
  from: PendingRegistration,
  link: PendingLink,
): Promise<boolean> {
  const result = await db
    .update(pendingRegistrations)
    .set(link)
    .where(and(eq(emailKey, from.emailKey), eq(tokenHash, from.tokenHash)));
  return affectedRows(result) === 1;
}

/** Deletes registrations whose link expired before a time, at most `limit` of them. */
export async function purgePendingRegistrations(
  db: Db,
  before: Date,
  limit: number,
): Promise<number> {
  return affectedRows(
    await db
      .delete(pendingRegistrations)
      .where(lte(expiresAt, before))
      .orderBy(asc(expiresAt))
      .limit(limit),
  );
}
