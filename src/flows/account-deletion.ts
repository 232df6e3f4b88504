import type { Client } from '../client.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError } from '../errors.ts';
import { lockActiveAdmins } from '../records/user.ts';
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
 * Deletes the viewer's account and all personal data with it, by the password and, where TOTP is on, a code.
 *
 * @returns the id the account had
 * @throws {AuthError} INVALID_INPUT without confirmation, INVALID_CREDENTIALS, INVALID_CODE, or LAST_ADMIN
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
  // registering strangers and deleting that again must not fill their mailboxes
  const mayTell = emailVerifiedAt !== null || (await mayWriteTo(deps, email, 'deletion'));
  const { passwordHash, totpSecret } = account.credentials;
  const remove = async (tx: Db) => {
    const isRemoved = await removeUnlessLastAdmin(deps, tx, viewer, client);
    const recipient = { ...recipientOf(account.user), id: null };
    if (isRemoved && mayTell) await writeTo(deps, tx, recipient, { kind: 'account-deleted' });
  };
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

async function removeUnlessLastAdmin(
  deps: Deps,
  tx: Db,
  viewer: Viewer,
  client: Client,
): Promise<boolean> {
  const userId = viewer.user.id;
  const admins = viewer.user.role === 'ADMIN' ? await lockActiveAdmins(tx) : [];
  if (admins.includes(userId) && admins.length === 1) throw new AuthError('LAST_ADMIN');
  return eraseUser(deps, tx, viewer.user, { type: 'ACCOUNT_DELETED', actorId: userId, client });
}
