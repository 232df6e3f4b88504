import { and, asc, eq, gt, lte } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { pendingRegistrations } from '../db/schema.ts';

/** A registration that waits for the confirmation of its address. It says nothing about who has that address now. */
export type PendingRegistration = typeof pendingRegistrations.$inferSelect;

/** The link of a registration: only the newest is good. */
export type PendingLink = Pick<PendingRegistration, 'tokenHash' | 'linkedAt' | 'expiresAt'>;

const { emailKey, tokenHash, expiresAt } = pendingRegistrations;

/** Keeps a registration, in the place of one that waits at the same address. */
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

/** The registration that waits at an address, its link good or run out. @param key as `identifierKey` makes it */
export async function findPendingRegistration(
  db: Db,
  key: string,
): Promise<PendingRegistration | null> {
  const [found] = await selectByEmail(db).execute({ key });
  return found ?? null;
}

/**
 * Takes a registration away by the token of its newest link, which decides: of two who open it at the same moment one gets
 * it. @returns it, or `null` when it was replaced, taken or its link has run out
 */
export async function takePendingRegistration(
  db: Db,
  hash: Buffer,
  now: Date,
): Promise<PendingRegistration | null> {
  const isGood = and(eq(tokenHash, hash), gt(expiresAt, now));
  const [found] = await db.select().from(pendingRegistrations).where(isGood);
  if (found === undefined) return null;
  // every change of a row brings another token, so that what is deleted is what was read
  const result = await db
    .delete(pendingRegistrations)
    .where(and(eq(emailKey, found.emailKey), isGood));
  return affectedRows(result) === 1 ? found : null;
}

/** Gives a registration another link, unless it has got one since it was read. @returns whether it did */
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

/** Forgets registrations whose link ran out before a time, at the most `limit` of them. */
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
