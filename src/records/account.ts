import { and, eq, isNull, type SQL } from 'drizzle-orm';
import type { DeviceOwner } from '../crypto/device-token.ts';
import { affectedRows, type Db } from '../db/client.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { users } from '../db/schema.ts';
import { identifierKey, type User, userColumns } from './user.ts';

/** What proves that somebody is a user; for the flows that check it. */
export interface Credentials {
  passwordHash: string | null;
  passwordChangedAt: Date | null;
  totpSecret: Buffer | null;
}

export interface Account {
  user: User;
  credentials: Credentials;
}

/** By what a device of an account is known. */
export function deviceOwnerOf({ user, credentials }: Account): DeviceOwner {
  return { userId: user.id, passwordChangedAt: credentials.passwordChangedAt };
}

const credentialColumns = {
  passwordHash: users.passwordHash,
  passwordChangedAt: users.passwordChangedAt,
  totpSecret: users.totpSecret,
};

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

/**
 * Replaces a hash by one of the current cost, unless another is stored by now.
 *
 * @returns whether it did
 */
export async function replacePasswordHash(
  db: Db,
  id: string,
  from: string,
  to: string,
): Promise<boolean> {
  const result = await db
    .update(users)
    .set({ passwordHash: to })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)));
  return affectedRows(result) === 1;
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

const isActive = and(eq(users.id, placeholder('id', users.id)), eq(users.status, 'ACTIVE'));
const hasPassword = eq(users.passwordHash, placeholder('passwordHash', users.passwordHash));
const loginUpdate = (where: SQL | undefined) =>
  builtOnce((db) =>
    db
      .update(users)
      .set({ lastLoginAt: placeholder('now', users.lastLoginAt) })
      .where(where)
      .prepare(),
  );
const updateLogin = loginUpdate(isActive);
const updateLoginByPassword = loginUpdate(and(isActive, hasPassword));
const updateLoginByPasswordAlone = loginUpdate(
  and(isActive, hasPassword, isNull(users.totpSecret)),
);

/**
 * Records a sign-in, if the account is still active and its password the one that was checked: it may have been
 * disabled, the password changed, or TOTP turned on, while the hash was computed.
 *
 * @param account.byPasswordAlone whether no code was asked for
 *
 * It is the first write of a sign-in's transaction: it locks the row, so that the sign-ins of one user follow each other.
 */
export async function recordLogin(
  db: Db,
  account: { id: string; passwordHash: string | null; byPasswordAlone: boolean },
  now: Date,
): Promise<boolean> {
  const { id, passwordHash, byPasswordAlone } = account;
  const updateByPassword = byPasswordAlone ? updateLoginByPasswordAlone : updateLoginByPassword;
  const update = passwordHash === null ? updateLogin : updateByPassword;
  return affectedRows(await update(db).execute({ id, passwordHash, now })) === 1;
}
