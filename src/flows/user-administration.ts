import { validate as isUuid } from 'uuid';
import { type Db, transaction } from '../db/client.ts';
import type { Role, UserStatus } from '../db/enumerations.ts';
import { AuthError, RequestError } from '../errors.ts';
import { assertNoProblems, checkAppMetadata, type Problems } from '../input.ts';
import type { Json } from '../json.ts';
import { lockAccount } from '../records/account.ts';
import { listEvents } from '../records/audit-event.ts';
import { deleteChallengesOf } from '../records/login-challenge.ts';
import { deleteRecoveryCodes } from '../records/recovery-code.ts';
import { endSessionsOf } from '../records/session-end.ts';
import { disableTotpSecret } from '../records/totp.ts';
import { findUser, lockActiveAdmins, type User, updateUser } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { type Administrator, recordAct } from './steps/administration.ts';
import { eraseUser, forgetAttempts, forgetSignInAttempts } from './steps/erasure.ts';
import { notify, recipientOf, writeTo } from './steps/mailing.ts';
import { assertStillAdministers } from './steps/standing.ts';

/** What is left out stays as it is. */
export interface UserUpdate {
  id: string;
  role?: Role;
  status?: UserStatus;
  appMetadata?: Json;
}

/**
 * Changes a user's role, status or application metadata. Disabling ends all sessions of the user.
 *
 * @throws {AuthError} INVALID_INPUT, NOT_FOUND, SELF_TARGETED (role and status) or LAST_ADMIN
 * @throws {RequestError} FORBIDDEN or UNAUTHENTICATED, as `assertStillAdministers`
 */
export async function changeUser(
  deps: Deps,
  admin: Administrator,
  update: UserUpdate,
): Promise<User> {
  const { id: givenId, ...changes } = update;
  const id = spelled(givenId);
  if (changes.appMetadata !== undefined) {
    const problems: Problems = [];
    checkAppMetadata('appMetadata', changes.appMetadata, problems);
    assertNoProblems(problems);
  }
  const takesRights = changes.role === 'USER' || changes.status === 'DISABLED';
  return transaction(deps.db, async (tx) => {
    if (takesRights) await guardAdmins(deps, tx, admin, id);
    else await assertStillAdministers(deps, tx, admin);
    const before = await target(tx, id);
    if (takesRights) assertNotSelf(admin, id);
    await updateUser(tx, id, changes, deps.now());
    if (changes.status === 'DISABLED') {
      await endSessionsOf(tx, id, 'ACCOUNT_DISABLED', deps.now());
      await deleteChallengesOf(tx, id);
    }
    await recordChanges(deps, tx, admin, before, changes);
    return existing(await findUser(tx, id));
  });
}

async function recordChanges(
  deps: Deps,
  tx: Db,
  admin: Administrator,
  before: User,
  changes: Omit<UserUpdate, 'id'>,
): Promise<void> {
  const { role, status, appMetadata } = changes;
  if (role !== undefined && role !== before.role) {
    await recordAct(deps, tx, admin, before.id, 'USER_ROLE_CHANGED', {
      from: before.role,
      to: role,
    });
  }
  if (status !== undefined && status !== before.status) {
    const detail = { from: before.status, to: status };
    await recordAct(deps, tx, admin, before.id, 'USER_STATUS_CHANGED', detail);
  }
  if (appMetadata !== undefined) {
    await recordAct(deps, tx, admin, before.id, 'USER_METADATA_CHANGED', {});
  }
}

/**
 * Deletes an account and all personal data with it.
 *
 * @throws {AuthError} NOT_FOUND, SELF_TARGETED or LAST_ADMIN
 * @throws {RequestError} FORBIDDEN or UNAUTHENTICATED, as `assertStillAdministers`
 */
export async function deleteUser(
  deps: Deps,
  admin: Administrator,
  givenId: string,
): Promise<string> {
  const id = spelled(givenId);
  await transaction(deps.db, async (tx) => {
    await guardAdmins(deps, tx, admin, id);
    const user = await target(tx, id);
    assertNotSelf(admin, id);
    const act = { actorId: admin.userId, client: admin.client };
    if (await eraseUser(deps, tx, user, act)) {
      await writeTo(deps, tx, { ...recipientOf(user), id: null }, { kind: 'account-deleted' });
    }
  });
  return id;
}

/**
 * Lifts every lock on an account and on its known devices. On their own account, administrators can lift only the locks
 * that a stranger can cause, those on their names, and only once in the time that a lock lasts. Otherwise, somebody who
 * stole a token of theirs would have as many guesses at their password and codes as they like.
 *
 * @throws {AuthError} NOT_FOUND
 * @throws {RequestError} RATE_LIMITED, or FORBIDDEN or UNAUTHENTICATED as `assertStillAdministers`
 */
export async function unlockUser(deps: Deps, admin: Administrator, id: string): Promise<User> {
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    const user = await target(tx, id);
    if (user.id === admin.userId) {
      await assertNotUnlockedLately(deps, tx, user.id);
      await forgetSignInAttempts(deps, tx, user);
    } else {
      await forgetAttempts(deps, tx, user);
    }
    await recordAct(deps, tx, admin, id, 'USER_UNLOCKED', {});
    return user;
  });
}

/** The account's row is locked, so that the second of two concurrent calls finds what the first has recorded. */
async function assertNotUnlockedLately(deps: Deps, tx: Db, id: string): Promise<void> {
  const { windowMs } = deps.config.attempts;
  const now = deps.now().getTime();
  const own = { userId: id, actorId: id, type: 'USER_UNLOCKED' } as const;
  const since = new Date(now - windowMs + 1);
  const [last] = await listEvents(tx, { ...own, since }, { limit: 1, after: null });
  if (last === undefined) return;
  const retryAfter = Math.ceil((last.at.getTime() + windowMs - now) / 1000);
  throw new RequestError('RATE_LIMITED', { retryAfter });
}

/**
 * Ends all sessions of a user.
 *
 * @returns how many
 * @throws {AuthError} NOT_FOUND
 * @throws {RequestError} FORBIDDEN or UNAUTHENTICATED, as `assertStillAdministers`
 */
export async function revokeUserSessions(
  deps: Deps,
  admin: Administrator,
  id: string,
): Promise<number> {
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    await target(tx, id);
    const endedSessions = await endSessionsOf(tx, id, 'REVOKED_BY_ADMIN', deps.now());
    await deleteChallengesOf(tx, id);
    await recordAct(deps, tx, admin, id, 'USER_SESSIONS_REVOKED', { endedSessions });
    return endedSessions;
  });
}

/**
 * Turns TOTP off for a user who has lost phone and recovery codes. Administrators cannot turn off their own.
 *
 * @throws {AuthError} NOT_FOUND or SELF_TARGETED
 * @throws {RequestError} FORBIDDEN or UNAUTHENTICATED, as `assertStillAdministers`
 */
export async function resetUserTotp(
  deps: Deps,
  admin: Administrator,
  givenId: string,
): Promise<User> {
  const id = spelled(givenId);
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    const user = await target(tx, id);
    assertNotSelf(admin, id);
    if (await disableTotpSecret(tx, id, deps.now())) {
      await notify(deps, tx, user, { kind: 'totp-disabled' });
    }
    await deleteRecoveryCodes(tx, id);
    await deleteChallengesOf(tx, id);
    await recordAct(deps, tx, admin, id, 'USER_TOTP_RESET', {});
    return existing(await findUser(tx, id));
  });
}

/**
 * Takes the lock under which administrators lose their rights, one at a time.
 *
 * @throws {RequestError} as `assertStillAdministers`; it comes first, so that those without the right learn no more
 * @throws {AuthError} LAST_ADMIN
 */
async function guardAdmins(deps: Deps, tx: Db, admin: Administrator, id: string): Promise<void> {
  const admins = await lockActiveAdmins(tx);
  await assertStillAdministers(deps, tx, admin);
  if (admins.length === 1 && admins.includes(id) && admin.userId !== id) {
    throw new AuthError('LAST_ADMIN');
  }
}

/** The account that is meant, its row locked: a concurrent deletion comes before or after what is recorded about it. */
async function target(tx: Db, id: string): Promise<User> {
  const account = isUuid(id) ? await lockAccount(tx, id) : null;
  return existing(account?.user ?? null);
}

function existing(user: User | null): User {
  if (user === null) throw new AuthError('NOT_FOUND');
  return user;
}

/** The one spelling of an id. The database accepts capitals too, which would slip past comparisons in the code. */
function spelled(id: string): string {
  return id.toLowerCase();
}

function assertNotSelf(admin: Administrator, id: string): void {
  if (admin.userId === id) throw new AuthError('SELF_TARGETED');
}
