import { eq, notExists, type SQL, sql } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import type { Db } from '../db/client.ts';
import { erasures, users } from '../db/schema.ts';

/** An account that is gone, and the pseudonym under which what happened to it stays on record. */
export interface Erasure {
  id: string;
  /** A UUIDv8 that only the holder of the server's key can connect with the account. */
  pseudonym: string;
}

/**
 * Puts the pseudonym in the place of a deleted account in at the most `limit` of the events on record, and forgets
 * addresses and devices in them. What happened stays, and that it happened to one and the same account; who it was does
 * not. The database does it by a procedure, for the service itself may not change what is on record, and refuses while
 * there is such an account.
 *
 * @param tx a transaction, for it takes two statements on one connection
 * @returns how many it changed: fewer than `limit` when nothing is left
 */
export async function pseudonymizeEvents(
  tx: Db,
  { id, pseudonym }: Erasure,
  limit: number,
): Promise<number> {
  const [user, put] = [sql.param(id, erasures.id), sql.param(pseudonym, erasures.pseudonym)];
  await tx.execute(sql`call pseudonymize_audit_events(${user}, ${put}, ${limit}, @changed)`);
  const [rows] = await tx.execute(sql`select @changed as changed`);
  const [row] = rows as unknown as { changed: number | string }[];
  return Number(row?.changed);
}

/** Remembers, in the transaction of a deletion, that there is more on record than it could pseudonymise. */
export async function putErasure(tx: Db, erasure: Erasure): Promise<void> {
  await tx.insert(erasures).values(erasure);
}

/** An erasure that has not come to its end; of an account that exists there is none, whatever the table says. */
export async function findErasure(db: Db): Promise<Erasure | null> {
  const [erasure] = await db.select().from(erasures).where(isGone).limit(1);
  return erasure ?? null;
}

/** Forgets an erasure that has come to its end, and with it which pseudonym the account has. */
export async function finishErasure(db: Db, id: string): Promise<void> {
  await db.delete(erasures).where(eq(erasures.id, id));
}

const isGone = notExists(sql`(select 1 from ${users} where ${users.id} = ${erasures.id})`);

/** The pseudonym of an account whose erasure has not come to its end, for a selection; null for everybody else. */
export const pendingPseudonym = (account: MySqlColumn): SQL<string | null> =>
  sql<
    string | null
  >`(${sql`select ${erasures.pseudonym} from ${erasures} where ${ofGone(account)}`})`.mapWith(
    erasures.pseudonym,
  );

/** Whether the erasure of an account has not come to its end, for a condition. */
export const isPendingErasure = (id: string): SQL =>
  sql`exists (select 1 from ${erasures} where ${ofGone(sql.param(id, erasures.id))})`;

const ofGone = (account: unknown) => sql`${erasures.id} = ${account} and ${isGone}`;
