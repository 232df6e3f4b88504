import type { Client } from '../client.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError, RequestError } from '../errors.ts';
import { type Account, lockAccount } from '../records/account.ts';
import { lockActiveAdmins, type User } from '../records/user.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';
import { eraseUser } from './steps/erasure.ts';
import { mayWriteTo, recipientOf, writeTo } from './steps/mailing.ts';
import { reauthenticate, withCode } from './steps/reauthentication.ts';
import { assertStillSignedIn } from './steps/standing.ts';

export interface AccountDeletionInput {
  confirm: boolean;
  currentPassword: string;
  code: string | null;
}

/**
 * Deletes the viewer's account and all its personal data. This takes the password and, if TOTP is on, a code.
 *
 * @returns the id that the account had
 * @throws {AuthError} INVALID_INPUT without confirmation, INVALID_CREDENTIALS, INVALID_CODE, or LAST_ADMIN
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED, or UNAUTHENTICATED when the session has ended
 */
export async function deleteAccount(
  deps: Deps,
  viewer: Viewer,
  input: AccountDeletionInput,
  client: Client,
): Promise<string> {
  if (!input.confirm) {
    const message = 'Set confirm to true: the account cannot be brought back.';
    throw new AuthError('INVALID_INPUT', { fields: [{ path: 'confirm', message }] });
  }
  const account = await reauthenticate(deps, viewer, input.currentPassword, client);
  const { emailVerifiedAt, email } = account.user;
  // registering with strangers' addresses and deleting the accounts again must not fill their mailboxes
  const mayTell = emailVerifiedAt !== null || (await mayWriteTo(deps, email, 'deletion'));
  const remove = async (tx: Db) => {
    const user = await removeAccount(deps, tx, account, client);
    const recipient = { ...recipientOf(user), id: null };
    if (mayTell) await writeTo(deps, tx, recipient, { kind: 'account-deleted' });
  };
  const { passwordHash, totpSecret } = account.credentials;
  if (totpSecret === null) {
    await transaction(deps.db, async (tx) => {
      await assertStillSignedIn(deps, tx, viewer, passwordHash);
      await remove(tx);
    });
  } else if (input.code === null) {
    throw new AuthError('INVALID_CODE');
  } else {
    await withCode(deps, viewer, account, input.code, client, remove);
  }
  return viewer.user.id;
}

/**
 * Deletes the account, judged by its state now: while the password was being hashed, the user may have become the only
 * administrator, or turned TOTP on.
 *
 * @param proven the account as it was when the password, and the code if there was one, were checked
 */
async function removeAccount(deps: Deps, tx: Db, proven: Account, client: Client): Promise<User> {
  const account = await lockAccount(tx, proven.user.id);
  if (account === null) throw new RequestError('UNAUTHENTICATED');
  const { user, credentials } = account;
  if (credentials.totpSecret !== null && proven.credentials.totpSecret === null) {
    throw new AuthError('INVALID_CODE');
  }
  const admins = user.role === 'ADMIN' ? await lockActiveAdmins(tx) : [];
  if (admins.includes(user.id) && admins.length === 1) throw new AuthError('LAST_ADMIN');
  await eraseUser(deps, tx, user, { actorId: user.id, client });
  return user;
}
