import { and, eq, sql } from 'drizzle-orm';
import { affectedRows, type Db } from '../db/client.ts';
import type { Role, UserStatus } from '../db/enumerations.ts';
import { isDuplicateKey } from '../db/failure.ts';
import { builtOnce, insertBuiltOnce, placeholder } from '../db/prepared-query.ts';
import { users } from '../db/schema.ts';
import { AuthError } from '../errors.ts';
import type { Json } from '../json.ts';
import { comparedForm, withReadableDomain } from '../mail-domain.ts';

export type { Role, UserStatus };

/** A user without secrets, so that code that reads one cannot leak a hash. */
export interface User {
  id: string;
  email: string;
  emailVerifiedAt: Date | null;
  pendingEmail: string | null;
  username: string | null;
  displayName: string | null;
  phrase: string | null;
  role: Role;
  status: UserStatus;
  appMetadata: Json;
  totpEnabled: boolean;
  createdAt: Date;
  updatedAt: Date;
  lastLoginAt: Date | null;
}

export const userColumns = {
  id: users.id,
  email: users.email,
  emailVerifiedAt: users.emailVerifiedAt,
  pendingEmail: users.pendingEmail,
  username: users.username,
  displayName: users.displayName,
  phrase: users.phrase,
  role: users.role,
  status: users.status,
  appMetadata: users.appMetadata,
  totpEnabled: sql<boolean>`${users.totpSecret} is not null`.mapWith(Boolean),
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
  lastLoginAt: users.lastLoginAt,
};

/**
 * The form in which e-mail addresses and usernames are compared: trimmed, in Unicode's compatibility form and in lower
 * case, so that case, width, composed accents and the two spellings of a domain do not make two accounts out of one name.
 */
export function identifierKey(text: string): string {
  return withReadableDomain(comparedForm(text.trim()));
}

const selectById = builtOnce((db) =>
  db
    .select(userColumns)
    .from(users)
    .where(eq(users.id, placeholder('id', users.id)))
    .prepare(),
);

export async function findUser(db: Db, id: string): Promise<User | null> {
  const [user] = await selectById(db).execute({ id });
  return user ?? null;
}

/** What a new user is made of; everything else begins empty. */
export interface NewUser {
  id: string;
  email: string;
  emailVerifiedAt?: Date | null;
  pendingEmail?: string | null;
  username: string | null;
  displayName: string | null;
  phrase: string | null;
  passwordHash: string | null;
  role: Role;
  appMetadata: Json;
  now: Date;
}

const insert = insertBuiltOnce(users);

/**
 * @returns the user as stored
 * @throws {AuthError} EMAIL_TAKEN or USERNAME_TAKEN when a unique index refuses. A check in advance would let two
 *   concurrent registrations both find the name free.
 */
export async function insertUser(db: Db, newUser: NewUser): Promise<User> {
  const { now, passwordHash, ...given } = newUser;
  const user: User = {
    emailVerifiedAt: null,
    pendingEmail: null,
    ...given,
    status: 'ACTIVE',
    totpEnabled: false,
    createdAt: now,
    updatedAt: now,
    lastLoginAt: null,
  };
  await withTakenNames(() =>
    insert(db).execute({
      ...user,
      emailKey: identifierKey(user.email),
      usernameKey: user.username === null ? null : identifierKey(user.username),
      passwordHash,
      passwordChangedAt: passwordHash === null ? null : now,
      totpSecret: null,
      totpLastStep: null,
    }),
  );
  return user;
}

/** What can be changed of a user; what is left out stays as it is. */
export interface UserChanges {
  email?: string;
  emailVerifiedAt?: Date | null;
  pendingEmail?: string | null;
  username?: string | null;
  displayName?: string | null;
  phrase?: string | null;
  /** `null`: nobody can sign in by password until another one is chosen. */
  passwordHash?: string | null;
  role?: Role;
  status?: UserStatus;
  appMetadata?: Json;
  totpSecret?: null;
}

/**
 * @returns whether there was such a user
 * @throws {AuthError} EMAIL_TAKEN or USERNAME_TAKEN
 */
export async function updateUser(
  db: Db,
  id: string,
  changes: UserChanges,
  now: Date,
): Promise<boolean> {
  const { email, username, passwordHash } = changes;
  const result = await withTakenNames(() =>
    db
      .update(users)
      .set({
        ...changes,
        ...(email === undefined ? {} : { emailKey: identifierKey(email) }),
        ...(username === undefined
          ? {}
          : { usernameKey: username === null ? null : identifierKey(username) }),
        ...(passwordHash === undefined ? {} : { passwordChangedAt: now }),
        updatedAt: now,
      })
      .where(eq(users.id, id)),
  );
  return affectedRows(result) === 1;
}

async function withTakenNames<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isDuplicateKey(error, 'users_email_key_unique')) throw new AuthError('EMAIL_TAKEN');
    if (isDuplicateKey(error, 'users_username_key_unique')) throw new AuthError('USERNAME_TAKEN');
    throw error;
  }
}

const NOBODY = '00000000-0000-7000-8000-000000000000';

/**
 * The id of a user who still exists, and will until the transaction ends; `null` if the user has been deleted. A failed
 * attempt may be recorded a moment after the account was deleted, and must not bring its id back.
 */
export async function stillThere(tx: Db, id: string | null): Promise<string | null> {
  // asks even without an id: timing must not reveal whether there is an account
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, id ?? NOBODY))
    .for('update');
  return rows.length === 1 ? id : null;
}

export async function deleteUser(db: Db, id: string): Promise<boolean> {
  return affectedRows(await db.delete(users).where(eq(users.id, id))) === 1;
}

/** Whether a user is an active administrator; the row stays locked until the transaction ends. */
export async function isHeldAdmin(tx: Db, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, id), eq(users.role, 'ADMIN'), eq(users.status, 'ACTIVE')))
    .for('update');
  return rows.length === 1;
}

/**
 * Locks all active administrators until the transaction ends, and returns their ids. So when two of them remove each
 * other at the same moment, one comes after the other.
 */
export async function lockActiveAdmins(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'ADMIN'), eq(users.status, 'ACTIVE')))
    .orderBy(users.id)
    .for('update');
  return rows.map((row) => row.id);
}
