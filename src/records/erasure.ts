import { eq, notExists, type SQL, sql } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import type { Db } from '../db/client.ts';
import { erasures, users } from '../db/schema.ts';

/** A deleted account, and the pseudonym that replaces it in audit events. */
export interface Erasure {
  id: string;
  /** A UUIDv8. Only somebody with the server's key can connect it with the account. */
  pseudonym: string;
}

/**
 * Puts the pseudonym in the place of a deleted account in at most `limit` audit events, and removes addresses and
 * devices from them. It stays on record what happened, and that it happened to one and the same account, but not whose
 * account that was. A stored procedure does it, because the service itself may not change audit events. The procedure
 * refuses while the account exists.
 *
 * @param tx a transaction, because this takes two statements on one connection
 * @returns how many events it changed: fewer than `limit` when none are left
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

/** Notes, in the transaction of a deletion, that there are more audit events than it could pseudonymise. */
export async function putErasure(tx: Db, erasure: Erasure): Promise<void> {
  await tx.insert(erasures).values(erasure);
}

/** An unfinished erasure. An account that exists has none, whatever the table says. */
export async function findErasure(db: Db): Promise<Erasure | null> {
  const [erasure] = await db.select().from(erasures).where(isGone).limit(1);
  return erasure ?? null;
}

/** Forgets a finished erasure, and with it which pseudonym belongs to which account. */
export async function finishErasure(db: Db, id: string): Promise<void> {
  await db.delete(erasures).where(eq(erasures.id, id));
}

const isGone = notExists(sql`(select 1 from ${users} where ${users.id} = ${erasures.id})`);

/** For a selection: the pseudonym of an account whose erasure is unfinished; null for all other accounts. */
export const pendingPseudonym = (account: MySqlColumn): SQL<string | null> =>
  sql<
    string | null
  >`(${sql`select ${erasures.pseudonym} from ${erasures} where ${ofGone(account)}`})`.mapWith(
    erasures.pseudonym,
  );

/** For a condition: whether the erasure of an account is unfinished. */
export const isPendingErasure = (id: string): SQL =>
  sql`exists (select 1 from ${erasures} where ${ofGone(sql.param(id, erasures.id))})`;

const ofGone = (account: unknown) => sql`${erasures.id} = ${account} and ${isGone}`;
