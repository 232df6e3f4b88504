import { validate as isUuid } from 'uuid';
import type { Client } from '../client.ts';
import { newId } from '../crypto/id.ts';
import { type Db, transaction } from '../db/client.ts';
import type { Role, UserStatus } from '../db/enumerations.ts';
import { AuthError } from '../errors.ts';
import {
  assertNoProblems,
  checkAppMetadata,
  checkNewPassword,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../input.ts';
import type { Json } from '../json.ts';
import { type AuditEventType, recordEvent } from '../records/audit-event.ts';
import { deleteChallengesOf } from '../records/login-challenge.ts';
import { deleteRecoveryCodes } from '../records/recovery-code.ts';
import { endSessionsOf } from '../records/session-end.ts';
import { disableTotpSecret } from '../records/totp.ts';
import { findUser, insertUser, lockActiveAdmins, type User, updateUser } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { mailFirstLink } from './steps/email-link.ts';
import { eraseUser, forgetAttempts } from './steps/erasure.ts';
import { notify, recipientOf, writeTo } from './steps/mailing.ts';
import { assertStillAdministers } from './steps/standing.ts';

/** Who administers: a signed-in administrator, or the operator at the command line, who has no account. */
export interface Administrator {
  userId: string | null;
  /** The session they act in, for the record. */
  sessionId?: string;
  client: Client;
}

export interface NewUserInput {
  email: string;
  username: string | null;
  displayName: string | null;
  role: Role;
  /** `null` for an invited person, who chooses one. */
  password: string | null;
  appMetadata: Json;
}

/**
 * Creates an account for somebody. Without a password an invitation to choose one is mailed.
 *
 * @throws {AuthError} INVALID_INPUT, EMAIL_TAKEN or USERNAME_TAKEN
 */
export async function createUser(
  deps: Deps,
  admin: Administrator,
  input: NewUserInput,
): Promise<User> {
  const names = readNewUser(deps, input);
  const { password, role, appMetadata } = input;
  const passwordHash = password === null ? null : await deps.passwords.hash(password);
  const now = deps.now();
  const id = newId(now);
  // the operator, who may have no mail server yet, answers for the address
  const emailVerifiedAt = admin.userId === null && password !== null ? now : null;
  const newUser = { id, ...names, emailVerifiedAt, passwordHash, role, appMetadata, now };
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    const user = await insertUser(tx, newUser);
    await record(deps, tx, admin, id, 'USER_CREATED', { role });
    if (password === null) {
      await mailFirstLink(deps, tx, user, 'INVITATION');
      await record(deps, tx, admin, id, 'USER_INVITED', {});
    }
    return user;
  });
}

function readNewUser(deps: Deps, input: NewUserInput) {
  const problems: Problems = [];
  const email = readEmail('email', input.email, problems);
  const username = readUsername('username', input.username, problems);
  const displayName = readText('displayName', input.displayName, 100, problems);
  if (input.password !== null) {
    const { minLength } = deps.config.password;
    const rules = { minLength, isCommon: deps.isCommonPassword, names: [email, username] };
    checkNewPassword('password', input.password, rules, problems);
  }
  checkAppMetadata('appMetadata', input.appMetadata, problems);
  assertNoProblems(problems);
  return { email, username, displayName, phrase: deps.config.defaultPhrase };
}

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
    await record(deps, tx, admin, before.id, 'USER_ROLE_CHANGED', { from: before.role, to: role });
  }
  if (status !== undefined && status !== before.status) {
    const detail = { from: before.status, to: status };
    await record(deps, tx, admin, before.id, 'USER_STATUS_CHANGED', detail);
  }
  if (appMetadata !== undefined) {
    await record(deps, tx, admin, before.id, 'USER_METADATA_CHANGED', {});
  }
}

/**
 * Deletes an account and all personal data with it.
 *
 * @throws {AuthError} NOT_FOUND, SELF_TARGETED or LAST_ADMIN
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
    const act = { type: 'ACCOUNT_DELETED', actorId: admin.userId, client: admin.client } as const;
    if (await eraseUser(deps, tx, user, act)) {
      await writeTo(deps, tx, { ...recipientOf(user), id: null }, { kind: 'account-deleted' });
    }
  });
  return id;
}

/** Lifts every lock on an account. @throws {AuthError} NOT_FOUND */
export async function unlockUser(deps: Deps, admin: Administrator, id: string): Promise<User> {
  return transaction(deps.db, async (tx) => {
    await assertStillAdministers(deps, tx, admin);
    const user = await target(tx, id);
    await forgetAttempts(deps, tx, user);
    await record(deps, tx, admin, id, 'USER_UNLOCKED', {});
    return user;
  });
}

/** Ends all sessions of a user. @returns how many @throws {AuthError} NOT_FOUND */
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
    await record(deps, tx, admin, id, 'USER_SESSIONS_REVOKED', { endedSessions });
    return endedSessions;
  });
}

/**
 * Turns TOTP off for a user who has lost phone and recovery codes. An administrator cannot free their own account of its
 * second factor so.
 *
 * @throws {AuthError} NOT_FOUND or SELF_TARGETED
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
    await record(deps, tx, admin, id, 'USER_TOTP_RESET', {});
    return existing(await findUser(tx, id));
  });
}

/**
 * Takes the lock under which administrators lose their rights, one at a time.
 *
 * @throws {RequestError} as `assertStillAdministers`, before they learn more
 * @throws {AuthError} LAST_ADMIN
 */
async function guardAdmins(deps: Deps, tx: Db, admin: Administrator, id: string): Promise<void> {
  const admins = await lockActiveAdmins(tx);
  await assertStillAdministers(deps, tx, admin);
  if (admins.length === 1 && admins.includes(id) && admin.userId !== id) {
    throw new AuthError('LAST_ADMIN');
  }
}

async function target(tx: Db, id: string): Promise<User> {
  return existing(isUuid(id) ? await findUser(tx, id) : null);
}

function existing(user: User | null): User {
  if (user === null) throw new AuthError('NOT_FOUND');
  return user;
}

/** The one spelling of an id: the database takes one in capitals too, and nobody may pass for somebody else by it. */
function spelled(id: string): string {
  return id.toLowerCase();
}

function assertNotSelf(admin: Administrator, id: string): void {
  if (admin.userId === id) throw new AuthError('SELF_TARGETED');
}

async function record(
  deps: Deps,
  tx: Db,
  admin: Administrator,
  userId: string,
  type: AuditEventType,
  detail: Json,
): Promise<void> {
  const { userId: actorId, sessionId = null, client } = admin;
  const event = { type, userId, actorId, sessionId, client, now: deps.now(), detail };
  await recordEvent(tx, event);
}
