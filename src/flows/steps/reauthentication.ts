import type { Client } from '../../client.ts';
import { type Db, transaction } from '../../db/client.ts';
import { AuthError, RequestError } from '../../errors.ts';
import { isPossiblePassword } from '../../input.ts';
import { type Account, findAccount } from '../../records/account.ts';
import { recordEvent } from '../../records/audit-event.ts';
import { stillThere } from '../../records/user.ts';
import type { Viewer } from '../authentication.ts';
import type { Deps } from '../deps.ts';
import { type Attempt, type AttemptSubject, withAttempt } from './attempt.ts';
import { takeCode } from './code-check.ts';
import { rehashed } from './rehashing.ts';
import { assertStillSignedIn } from './standing.ts';

// the mutations of signed-in users have no error of their own for a lockout
const tooMany = (retryAfter: number) => new RequestError('RATE_LIMITED', { retryAfter });

/**
 * Makes a signed-in person prove again who they are, before a change that a stolen access token must not suffice for.
 *
 * @returns the account as it is now
 * @throws {AuthError} INVALID_CREDENTIALS
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED when there is no room to hash
 */
export async function reauthenticate(
  deps: Deps,
  viewer: Viewer,
  password: string,
  client: Client,
): Promise<Account> {
  if (!isPossiblePassword(password)) throw new AuthError('INVALID_CREDENTIALS');
  deps.passwords.assertRoom();
  const subject: AttemptSubject = { kind: 'reauthentication', userId: viewer.user.id };
  return withAttempt(deps, subject, tooMany, async (attempt) => {
    const account = await findAccount(deps.db, viewer.user.id);
    const matches = await deps.passwords.verify(
      account?.credentials.passwordHash ?? null,
      password,
    );
    if (!matches || account === null) {
      await recordFailure(deps, attempt, viewer, 'PASSWORD', client);
      throw new AuthError('INVALID_CREDENTIALS');
    }
    await attempt.succeed(deps.db);
    return rehashed(deps, account, password);
  });
}

/**
 * Checks a code and makes a change with it, in one transaction: the code is used up if and only if the change is made.
 *
 * @param account as `reauthenticate` returned it
 * @throws {AuthError} INVALID_CODE; TOTP_NOT_ENABLED; INVALID_CREDENTIALS when the password was changed meanwhile; whatever
 *   `change` throws
 * @throws {RequestError} RATE_LIMITED when too many have failed, UNAUTHENTICATED when the session has ended, OVERLOADED
 */
export async function withCode<T>(
  deps: Deps,
  viewer: Viewer,
  account: Account,
  code: string,
  client: Client,
  change: (tx: Db) => Promise<T>,
): Promise<T> {
  const { totpSecret, passwordHash } = account.credentials;
  if (totpSecret === null) throw new AuthError('TOTP_NOT_ENABLED');
  const userId = account.user.id;
  return withAttempt(deps, { kind: 'code', userId }, tooMany, async (attempt) => {
    const changed = await transaction(deps.db, async (tx) => {
      await assertStillSignedIn(deps, tx, viewer, passwordHash);
      if ((await takeCode(deps, tx, { userId, totpSecret }, code)) === null) return null;
      const result = await change(tx);
      await attempt.succeed(tx);
      return { result };
    });
    if (changed !== null) return changed.result;
    await recordFailure(deps, attempt, viewer, 'CODE', client);
    throw new AuthError('INVALID_CODE');
  });
}

async function recordFailure(
  deps: Deps,
  attempt: Attempt,
  viewer: Viewer,
  reason: 'PASSWORD' | 'CODE',
  client: Client,
): Promise<void> {
  await transaction(deps.db, async (tx) => {
    await recordEvent(tx, {
      type: 'REAUTHENTICATION_FAILED',
      userId: await stillThere(tx, viewer.user.id),
      sessionId: viewer.session.id,
      client,
      now: deps.now(),
      detail: { reason },
    });
    await attempt.fail(tx);
  });
}
