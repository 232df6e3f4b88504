import { and, eq, isNull, type SQL } from 'drizzle-orm';
import type { DeviceOwner } from '../crypto/device-token.ts';
import { affectedRows, type Db } from '../db/client.ts';
import { builtOnce, placeholder } from '../db/prepared-query.ts';
import { users } from '../db/schema.ts';
import { identifierKey, type User, userColumns } from './user.ts';

/** The secrets that prove who a user is, for the flows that check them. */
export interface Credentials {
  passwordHash: string | null;
  passwordChangedAt: Date | null;
  totpSecret: Buffer | null;
}

export interface Account {
  user: User;
  credentials: Credentials;
}

/** What the device tokens of an account are tied to. */
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

/** Finds an account and locks it until the transaction ends, so that concurrent changes come before or after. */
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
  // in the compared form, in which a full-width "＠" is an "@" and would make this an e-mail address
  if (identifierKey(username).includes('@')) return null;
  const account = await findAccountByIdentifier(db, username);
  return account?.user ?? null;
}

/**
 * Replaces a password hash with one at the current cost, unless another hash has been stored since.
 *
 * @returns whether it was replaced
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
 * Whether an account is still active, and its password still the one that was checked. The row stays locked until the
 * transaction ends: a concurrent change of the password comes later, and so finds what was done under the old one.
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
 * Records a sign-in, unless the account changed while the hash was computed: it may have been disabled, the password
 * changed, or TOTP turned on.
 *
 * It is the first write of a sign-in's transaction. It locks the row, so that sign-ins of one user follow each other.
 *
 * @param account.byPasswordAlone whether no code was asked for
 * @returns whether the account was unchanged
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
