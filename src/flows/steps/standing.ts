import type { Db } from '../../db/client.ts';
import { AuthError, RequestError } from '../../errors.ts';
import { isStillSo } from '../../records/account.ts';
import { isHeldSession } from '../../records/session.ts';
import { isHeldAdmin } from '../../records/user.ts';
import type { Viewer } from '../authentication.ts';
import type { Deps } from '../deps.ts';

/**
 * Asks once more, in the transaction of a change, whether what allowed it is still so, and holds it until the transaction
 * ends. While a password was being hashed the owner may have reset theirs, or ended the session of whoever changes it.
 *
 * @param passwordHash the one that was checked; `null` where no password was asked for
 * @throws {AuthError} INVALID_CREDENTIALS when the password is another one by now
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
 * The same for an administrator. The operator at the command line needs no leave.
 *
 * @throws {RequestError} FORBIDDEN when the one who acts has lost the right since the request began, UNAUTHENTICATED when
 *   their session has ended
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
