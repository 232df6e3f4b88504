import { and, eq, sql } from 'drizzle-orm';
import { affectedRows, builtOnce, type Db, placeholder } from '../db/client.ts';
import { isDuplicateKey } from '../db/failure.ts';
import { type Role, type UserStatus, users } from '../db/schema.ts';
import { AuthError } from '../errors.ts';
import type { Json } from '../json.ts';

export type { Role, UserStatus };

/** A user without the secrets: nothing that reads one can leak a hash. */
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

/** What proves that somebody is a user; for the flows that check it. */
export interface Credentials {
  passwordHash: string | null;
  totpSecret: Buffer | null;
}

export interface Account {
  user: User;
  credentials: Credentials;
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

const credentialColumns = { passwordHash: users.passwordHash, totpSecret: users.totpSecret };

/**
 * The form in which e-mail addresses and usernames are compared: without outer space, in Unicode's compatibility form
 * and lower case, so that case, width and composed accents do not make two accounts of one name.
 */
export function identifierKey(text: string): string {
  // lower case can undo normalisation and the other way round, hence twice
  return text.trim().normalize('NFKC').toLowerCase().normalize('NFKC');
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

const selectAccountById = builtOnce((db) =>
  db
    .select({ user: userColumns, credentials: credentialColumns })
    .from(users)
    .where(eq(users.id, placeholder('id', users.id)))
    .prepare(),
);

export async function findAccount(db: Db, id: string): Promise<Account | null> {
  const [account] = await selectAccountById(db).execute({ id });
  return account ?? null;
}

/** Finds an account and locks it until the transaction ends: whoever changes it at this moment comes before or after. */
export async function lockAccount(tx: Db, id: string): Promise<Account | null> {
  const [account] = await tx
    .select({ user: userColumns, credentials: credentialColumns })
    .from(users)
    .where(eq(users.id, id))
    .for('update');
  return account ?? null;
}

const selectAccountByEmail = builtOnce((db) =>
  db
    .select({ user: userColumns, credentials: credentialColumns })
    .from(users)
    .where(eq(users.emailKey, placeholder('key', users.emailKey)))
    .prepare(),
);

const selectAccountByUsername = builtOnce((db) =>
  db
    .select({ user: userColumns, credentials: credentialColumns })
    .from(users)
    .where(eq(users.usernameKey, placeholder('key', users.usernameKey)))
    .prepare(),
);

/** Finds an account by e-mail address or username; no username has an "@" in it. */
export async function findAccountByIdentifier(db: Db, identifier: string): Promise<Account | null> {
  const key = identifierKey(identifier);
  const select = key.includes('@') ? selectAccountByEmail : selectAccountByUsername;
  const [account] = await select(db).execute({ key });
  return account ?? null;
}

export async function findUserByUsername(db: Db, username: string): Promise<User | null> {
  // in the compared form: a full-width "＠" would make it an e-mail address
  if (identifierKey(username).includes('@')) return null;
  const account = await findAccountByIdentifier(db, username);
  return account?.user ?? null;
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

/**
 * @throws {AuthError} EMAIL_TAKEN or USERNAME_TAKEN when the unique index refuses: looking first would let two
 *   registrations at the same moment both find the name free
 */
export async function insertUser(db: Db, user: NewUser): Promise<void> {
  const { now, ...row } = user;
  await withTakenNames(() =>
    db.insert(users).values({
      ...row,
      emailKey: identifierKey(row.email),
      usernameKey: row.username === null ? null : identifierKey(row.username),
      status: 'ACTIVE',
      passwordChangedAt: row.passwordHash === null ? null : now,
      createdAt: now,
      updatedAt: now,
    }),
  );
}

/** What can be changed of a user; what is left out stays. */
export interface UserChanges {
  email?: string;
  emailVerifiedAt?: Date | null;
  pendingEmail?: string | null;
  username?: string | null;
  displayName?: string | null;
  phrase?: string | null;
  /** `null`: nobody signs in by a password until another one is chosen. */
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

/** Replaces a hash by one of the current cost, unless the password was changed in the meantime. */
export async function replacePasswordHash(
  db: Db,
  id: string,
  from: string,
  to: string,
): Promise<void> {
  await db
    .update(users)
    .set({ passwordHash: to })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)));
}

/**
 * Whether an account is still active and its password the one that was checked. It stays so until the transaction ends:
 * whoever changes the password at this moment comes after, and finds what was done under the old one.
 */
export async function isStillSo(
  tx: Db,
  account: { id: string; passwordHash: string | null },
): Promise<boolean> {
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(unchanged(account))
    .for('update');
  return rows.length === 1;
}

const unchanged = (account: { id: string; passwordHash: string | null }) =>
  and(
    eq(users.id, account.id),
    eq(users.status, 'ACTIVE'),
    account.passwordHash === null ? undefined : eq(users.passwordHash, account.passwordHash),
  );

const NOBODY = '00000000-0000-7000-8000-000000000000';

/**
 * The id of a user who still exists, and does until the transaction ends; `null` for one who was deleted meanwhile. What
 * failed at an account may be recorded a moment after it is gone, and must not bring its id back.
 */
export async function stillThere(tx: Db, id: string | null): Promise<string | null> {
  // asked for nobody too: whether there is an account must not show in how long a failure takes
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, id ?? NOBODY))
    .for('update');
  return rows.length === 1 ? id : null;
}

/**
 * Records a sign-in, if the account is still active and its password the one that was checked: it may have been
 * disabled, or the password changed, while the hash was computed.
 *
 * It is the first write of a sign-in's transaction: it locks the row, so that the sign-ins of one user follow each other.
 */
export async function recordLogin(
  db: Db,
  account: { id: string; passwordHash: string | null },
  now: Date,
): Promise<boolean> {
  const result = await db.update(users).set({ lastLoginAt: now }).where(unchanged(account));
  return affectedRows(result) === 1;
}

export async function deleteUser(db: Db, id: string): Promise<boolean> {
  return affectedRows(await db.delete(users).where(eq(users.id, id))) === 1;
}

/**
 * Locks all active administrators until the transaction ends and returns their ids: two of them who remove each other at
 * the same moment come one after the other.
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
