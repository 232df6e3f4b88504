import { and, eq, gt, inArray, isNotNull, isNull, lte, notExists, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import { emailTokens, users } from '../db/schema.ts';
import { AuthError } from '../errors.ts';
import { findAccountByIdentifier, findUserByUsername } from './account.ts';
import { identifierKey, insertUser, type NewUser, type User } from './user.ts';

/**
 * A registration that waits for the confirmation of its address, so that its own address is the pending one. Nobody has
 * ever signed in to it, and no administrator made it.
 */
const isPending = and(
  sql`cast(${users.pendingEmail} as binary) = cast(${users.email} as binary)`,
  isNull(users.emailVerifiedAt),
  isNull(users.lastLoginAt),
  isNotNull(users.passwordHash),
  eq(users.role, 'USER'),
  eq(users.status, 'ACTIVE'),
);

/** Whether a user is a registration that waits for the confirmation of its address. */
export function isPendingRegistration(user: User): boolean {
  const { email, pendingEmail, emailVerifiedAt, lastLoginAt } = user;
  return pendingEmail === email && emailVerifiedAt === null && lastLoginAt === null;
}

/**
 * Takes a username from registrations that wait for confirmation: they hold none, or registering with somebody's
 * username would tell whether the address is the one that waits with it.
 *
 * @throws {AuthError} USERNAME_TAKEN when an account has it that does not wait
 */
export async function claimUsername(db: Db, username: string): Promise<void> {
  await db
    .update(users)
    .set({ username: null, usernameKey: null })
    .where(and(eq(users.usernameKey, identifierKey(username)), isPending));
  if ((await findUserByUsername(db, username)) !== null) throw new AuthError('USERNAME_TAKEN');
}

/**
 * Keeps a registration until its address is confirmed, in the place of one that waits at the same address. An account that
 * does not wait stays as it is. Whichever it is, the same statements run.
 *
 * @returns whose address it is now, and whether by this registration
 * @throws {AuthError} USERNAME_TAKEN when somebody took it since it was claimed
 */
export async function putPendingRegistration(
  db: Db,
  newUser: NewUser,
): Promise<{ user: User; isAccepted: boolean }> {
  const { email, username, displayName, phrase, passwordHash, now } = newUser;
  const key = identifierKey(email);
  // a duplicate leaves a shared lock behind, and of many who have one nobody could write: one after the other, from the start
  await db.select({ id: users.id }).from(users).where(eq(users.emailKey, key)).for('update');
  await insertUser(db, { ...newUser, pendingEmail: email }).catch(unlessEmailTaken);
  const result = await db
    .update(users)
    .set({
      email,
      pendingEmail: email,
      username,
      usernameKey: username === null ? null : identifierKey(username),
      displayName,
      phrase,
      passwordHash,
      passwordChangedAt: now,
      updatedAt: now,
    })
    .where(and(eq(users.emailKey, key), isPending));
  const account = await findAccountByIdentifier(db, email);
  // deleted at this very moment
  if (account === null) throw new Error('A registered user was not there to be read.');
  return { user: account.user, isAccepted: affectedRows(result) === 1 };
}

/** Which of these users are registrations that have waited, and were not renewed, since before a time. */
export async function listAbandoned(
  db: Db,
  ids: readonly string[],
  before: Date,
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(and(inArray(users.id, [...ids]), isAbandoned(before)));
  return rows.map(({ id }) => id);
}

/**
 * Deletes a registration that nobody has confirmed. The statement decides, and not what was known of it before: it spares
 * one that was confirmed, renewed or sent another link in the meantime. Lock the user first: a statement sees what was
 * committed before it began, and not what it waited for in other tables.
 *
 * @returns whether it did
 */
export async function deleteAbandoned(tx: Db, id: string, before: Date): Promise<boolean> {
  const laterLink = tx
    .select({ one: sql`1` })
    .from(emailTokens)
    .where(
      and(
        eq(emailTokens.userId, users.id),
        eq(emailTokens.purpose, 'VERIFY_EMAIL'),
        gt(emailTokens.expiresAt, before),
      ),
    );
  const result = await tx
    .delete(users)
    .where(and(eq(users.id, id), isAbandoned(before), notExists(laterLink)));
  return affectedRows(result) === 1;
}

const isAbandoned = (before: Date) => and(isPending, lte(users.updatedAt, before));

function unlessEmailTaken(error: unknown): void {
  if (!(error instanceof AuthError) || error.code !== 'EMAIL_TAKEN') throw error;
}
