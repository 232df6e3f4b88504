import { inArray, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { users } from '../db/schema.ts';
import type { Json } from '../json.ts';
import { identifierKey, type Role, type UserStatus } from './user.ts';

/** A user imported from elsewhere. */
export interface ImportedUser {
  id: string;
  email: string;
  emailVerifiedAt: Date | null;
  username: string | null;
  displayName: string | null;
  phrase: string | null;
  passwordHash: string | null;
  role: Role;
  status: UserStatus;
  appMetadata: Json;
  createdAt: Date;
}

/** What became of a user: added, or not, because the address has an account or the username is taken. */
export type ImportOutcome = 'ADDED' | 'EMAIL_THERE' | 'USERNAME_TAKEN';

/**
 * Adds the users whose address and username are free, in one statement: the unique indexes decide, and a row that they
 * refuse is left out without failing the others.
 *
 * @returns what became of each, in the same order
 */
export async function insertAbsentUsers(
  tx: Db,
  imported: readonly ImportedUser[],
  now: Date,
): Promise<ImportOutcome[]> {
  if (imported.length === 0) return [];
  const rows = imported.map((user) => ({
    ...user,
    emailKey: identifierKey(user.email),
    usernameKey: user.username === null ? null : identifierKey(user.username),
    passwordChangedAt: user.passwordHash === null ? null : user.createdAt,
    updatedAt: now,
  }));
  await tx
    .insert(users)
    .values(rows)
    .onDuplicateKeyUpdate({ set: { id: sql`${users.id}` } });
  const keys = rows.map((row) => row.emailKey);
  const found = await tx
    .select({ id: users.id, emailKey: users.emailKey })
    .from(users)
    .where(inArray(users.emailKey, keys));
  const ids = new Map(found.map(({ emailKey, id }) => [emailKey, id]));
  return rows.map((row) => {
    const id = ids.get(row.emailKey);
    if (id === row.id) return 'ADDED';
    return id === undefined ? 'USERNAME_TAKEN' : 'EMAIL_THERE';
  });
}
