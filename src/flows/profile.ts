import type { Client } from '../client.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError, RequestError } from '../errors.ts';
import {
  assertNoProblems,
  checkNewPassword,
  isPossibleIdentifier,
  type Problems,
  readEmail,
  readText,
  readUsername,
} from '../input.ts';
import { findAccountByIdentifier, findUserByUsername } from '../records/account.ts';
import { type AuditEventType, recordEvent } from '../records/audit-event.ts';
import { voidEmailTokens } from '../records/email-token.ts';
import { deleteChallengesOf } from '../records/login-challenge.ts';
import { findSession, type Session, type SessionWithUser } from '../records/session.ts';
import { endSessionsOf } from '../records/session-end.ts';
import { rotateSession } from '../records/session-rotation.ts';
import { type User, type UserChanges, updateUser } from '../records/user.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';
import { cancelEmailChange, requestEmailChange } from './steps/email-change.ts';
import { assertMaySend, mayWriteTo, notify } from './steps/mailing.ts';
import { reauthenticate } from './steps/reauthentication.ts';
import { issueTokens, type SignedIn, sessionExpiry } from './steps/session-opening.ts';
import { assertStillSignedIn } from './steps/standing.ts';

/** What is left out stays as it is; a `null` or empty name or phrase is removed. */
export interface ProfileInput {
  username?: string | null;
  displayName?: string | null;
  phrase?: string | null;
  newEmail?: string | null;
  newPassword?: string | null;
  currentPassword?: string | null;
}

/**
 * Changes the viewer's profile: all of it or nothing. Another e-mail address or password needs the current password.
 * Another address takes effect once a link mailed there has confirmed it. Another password ends all other sessions, and
 * cancels what was asked for under the old one: reset links, and an address that waits for its confirmation.
 *
 * @returns the user, and new tokens when the password changed
 * @throws {AuthError} INVALID_INPUT, INVALID_CREDENTIALS, EMAIL_TAKEN or USERNAME_TAKEN
 * @throws {RequestError} RATE_LIMITED, OVERLOADED, or UNAUTHENTICATED when the account was deleted meanwhile
 */
export async function updateProfile(
  deps: Deps,
  viewer: Viewer,
  input: ProfileInput,
  client: Client,
): Promise<{ user: User; signedIn: SignedIn | null }> {
  const changes = readChanges(deps, viewer.user, input);
  const newPassword = input.newPassword ?? null;
  const { pendingEmail } = changes;
  const needsPassword = newPassword !== null || pendingEmail !== undefined;
  const proven = needsPassword
    ? await reauthenticate(deps, viewer, input.currentPassword ?? '', client)
    : null;
  if (newPassword !== null) changes.passwordHash = await deps.passwords.hash(newPassword);
  const mayWrite =
    typeof pendingEmail === 'string' && (await mayRequestChange(deps, viewer.user, pendingEmail));
  const now = deps.now();
  const { user, session } = await transaction(deps.db, async (tx) => {
    await assertStillSignedIn(deps, tx, viewer, proven?.credentials.passwordHash ?? null);
    return applyChanges(deps, tx, viewer, changes, { mayWrite, client, now });
  });
  if (newPassword === null) return { user, signedIn: null };
  // under the new password, only the device on which it was chosen is known
  const owner = { userId: user.id, passwordChangedAt: now };
  return { user, signedIn: await issueTokens(deps, user, session, { id: null, owner }) };
}

function readChanges(deps: Deps, user: User, input: ProfileInput): UserChanges {
  const problems: Problems = [];
  const changes: UserChanges = {};
  if (input.username !== undefined) {
    changes.username = readUsername('username', input.username, problems);
  }
  if (input.displayName !== undefined) {
    changes.displayName = readText('displayName', input.displayName, 100, problems);
  }
  if (input.phrase !== undefined) changes.phrase = readText('phrase', input.phrase, 200, problems);
  if (typeof input.newEmail === 'string') {
    const email = readEmail('newEmail', input.newEmail, problems);
    const isSame = asciiLowerCase(email) === asciiLowerCase(user.email);
    // the same address in another case needs no confirmation, and cancels an address that waits for one
    changes.pendingEmail = isSame ? null : email;
    if (isSame) changes.email = email;
  }
  if (typeof input.newPassword === 'string') {
    const names = [user.email, changes.pendingEmail ?? null, changes.username ?? user.username];
    const { minLength } = deps.config.password;
    const rules = { minLength, isCommon: deps.isCommonPassword, names };
    checkNewPassword('newPassword', input.newPassword, rules, problems);
  }
  const needsPassword = typeof input.newPassword === 'string' || changes.pendingEmail !== undefined;
  if (needsPassword && !input.currentPassword) {
    problems.push({
      path: 'currentPassword',
      message: 'Give the current password too, to change the e-mail address or the password.',
    });
  }
  assertNoProblems(problems);
  return changes;
}

/** Lowers ASCII letters only. Other differences may lead mail elsewhere, though the compared form ignores them. */
function asciiLowerCase(email: string): string {
  return email.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * Reports at once that an address is taken, where open registration reveals it anyway. Otherwise only the holder of the
 * mailbox learns it, from the link.
 *
 * @returns whether a mail may be sent there
 * @throws {AuthError} EMAIL_TAKEN
 * @throws {RequestError} RATE_LIMITED
 */
async function mayRequestChange(deps: Deps, user: User, email: string): Promise<boolean> {
  await assertMaySend(deps, user.id, 'confirm-email-change');
  if (deps.config.registration === 'open') {
    const account = await findAccountByIdentifier(deps.db, email);
    if (account !== null) throw new AuthError('EMAIL_TAKEN');
  }
  return mayWriteTo(deps, email, 'email-change');
}

async function applyChanges(
  deps: Deps,
  tx: Db,
  viewer: Viewer,
  given: UserChanges,
  { mayWrite, client, now }: { mayWrite: boolean; client: Client; now: Date },
): Promise<SessionWithUser> {
  const userId = viewer.user.id;
  const isNewPassword = given.passwordHash !== undefined;
  // somebody who knew the old password may have asked for a change to an address of theirs
  const changes = isNewPassword ? { pendingEmail: null, ...given } : given;
  await updateUser(tx, userId, changes, now);
  if (isNewPassword) {
    await endSessionsOf(tx, userId, 'PASSWORD_CHANGED', now, viewer.session.id);
    await deleteChallengesOf(tx, userId);
    await voidEmailTokens(tx, userId, ['RESET_PASSWORD', 'INVITATION'], now);
    await notify(deps, tx, viewer.user, { kind: 'password-changed' });
  }
  if (changes.pendingEmail === null) await cancelEmailChange(deps, tx, userId);
  if (typeof changes.pendingEmail === 'string') {
    const request = { sessionId: viewer.session.id, client, mayWrite };
    await requestEmailChange(deps, tx, viewer.user, changes.pendingEmail, request);
  }
  for (const { type, fields } of eventsOf(changes)) {
    const detail = fields.length > 0 ? { fields } : {};
    await recordEvent(tx, { type, userId, sessionId: viewer.session.id, client, now, detail });
  }
  // read again: another tab may have refreshed the session since it was read
  const current = await findSession(tx, viewer.session.id);
  if (current === null) throw new RequestError('UNAUTHENTICATED');
  if (changes.passwordHash === undefined) return current;
  return { user: current.user, session: await rotated(deps, tx, current.session, client) };
}

/** Moves the session on to the generation whose token is handed out: a tab that refreshes now gets the same token. */
async function rotated(deps: Deps, tx: Db, session: Session, client: Client): Promise<Session> {
  const now = deps.now();
  const { id, generation } = session;
  const expiresAt = sessionExpiry(deps, session, now);
  const graceMs = deps.config.sessions.refreshGraceMs;
  await rotateSession(tx, { id, generation, expiresAt, client, now }, graceMs);
  return { ...session, generation: generation + 1, expiresAt };
}

function eventsOf(changes: UserChanges): { type: AuditEventType; fields: string[] }[] {
  const profile = (['username', 'displayName', 'phrase'] as const).filter(
    (name) => name in changes,
  );
  return [
    ...(profile.length > 0 ? [{ type: 'PROFILE_UPDATED' as const, fields: profile }] : []),
    ...(changes.email === undefined ? [] : [{ type: 'EMAIL_CHANGED' as const, fields: [] }]),
    ...(changes.passwordHash === undefined
      ? []
      : [{ type: 'PASSWORD_CHANGED' as const, fields: [] }]),
  ];
}

/** What others may see of a user. */
export interface PublicProfile {
  username: string;
  displayName: string | null;
  createdAt: Date;
}

/** The profile of the user with this username, or `null`. Disabled accounts are not shown. */
export async function findPublicProfile(
  deps: Deps,
  username: string,
): Promise<PublicProfile | null> {
  if (!isPossibleIdentifier(username)) return null;
  const user = await findUserByUsername(deps.db, username);
  if (user === null || user.username === null || user.status !== 'ACTIVE') return null;
  return { username: user.username, displayName: user.displayName, createdAt: user.createdAt };
}
