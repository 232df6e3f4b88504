import type { Db } from '../../db/client.ts';
import { AuthError, RequestError } from '../../errors.ts';
import { isStillSo } from '../../records/account.ts';
import { isHeldSession } from '../../records/session.ts';
import { isHeldAdmin } from '../../records/user.ts';
import type { Viewer } from '../authentication.ts';
import type { Deps } from '../deps.ts';

/**
 * Checks once more, in the transaction of a change, that what allowed it still holds, and locks it until the
 * transaction ends. While the password was being hashed, its owner may have reset it, or ended the session of whoever
 * makes the change.
 *
 * @param passwordHash the one that was checked; `null` if no password was asked for
 * @throws {AuthError} INVALID_CREDENTIALS when the password has been changed
 * @throws {RequestError} UNAUTHENTICATED when the session has ended or the account was disabled or deleted
 */
export async function assertStillSignedIn(
  deps: Deps,
  tx: Db,
  { user, session }: Viewer,
  passwordHash: string | null,
): Promise<void> {
  if (!(await isStillSo(tx, { id: user.id, passwordHash }))) {
    throw passwordHash === null
      ? new RequestError('UNAUTHENTICATED')
      : new AuthError('INVALID_CREDENTIALS');
  }
  if (!(await isHeldSession(tx, session.id, deps.now()))) {
    throw new RequestError('UNAUTHENTICATED');
  }
}

/**
 * `assertStillSignedIn` for an administrator. The operator at the command line is not checked.
 *
 * @throws {RequestError} FORBIDDEN when the administrator has lost the right since the request began, UNAUTHENTICATED
 *   when their session has ended
 */
export async function assertStillAdministers(
  deps: Deps,
  tx: Db,
  { userId, sessionId }: { userId: string | null; sessionId?: string },
): Promise<void> {
  if (userId === null) return;
  if (!(await isHeldAdmin(tx, userId))) throw new RequestError('FORBIDDEN');
  if (sessionId !== undefined && !(await isHeldSession(tx, sessionId, deps.now()))) {
    throw new RequestError('UNAUTHENTICATED');
  }
}
