import { AuthError } from '../../errors.ts';
import { type Account, findAccount, replacePasswordHash } from '../../records/account.ts';
import type { Deps } from '../deps.ts';

/**
 * Brings the stored hash up to the current cost while the password is at hand. If the hash has been replaced in the
 * meantime, by a concurrent sign-in or another password, the password is checked once more against what is stored now.
 *
 * @param account as it was when the password was found to be right
 * @returns the account with the hash that is stored now
 * @throws {AuthError} INVALID_CREDENTIALS when the password has been changed
 */
export async function rehashed(deps: Deps, account: Account, password: string): Promise<Account> {
  const { user, credentials } = account;
  const hash = credentials.passwordHash;
  if (hash === null || !deps.passwords.needsRehash(hash)) return account;
  const passwordHash = await deps.passwords.hash(password);
  if (await replacePasswordHash(deps.db, user.id, hash, passwordHash)) {
    return { ...account, credentials: { ...credentials, passwordHash } };
  }
  const current = await findAccount(deps.db, user.id);
  const stored = current?.credentials.passwordHash ?? null;
  if (!(await deps.passwords.verify(stored, password)) || current === null) {
    throw new AuthError('INVALID_CREDENTIALS');
  }
  return current;
}
