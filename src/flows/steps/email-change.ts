import type { Client } from '../../client.ts';
import type { Db } from '../../db/client.ts';
import { AuthError } from '../../errors.ts';
import { findAccountByIdentifier, lockAccount } from '../../records/account.ts';
import { recordEvent } from '../../records/audit-event.ts';
import {
  type EmailToken,
  voidEmailTokens,
  voidLinksOf,
  voidUndoTokensSince,
} from '../../records/email-token.ts';
import { identifierKey, type User, updateUser } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { issueToken, mailLink, replaceLostPassword } from './email-link.ts';
import { eraseUser } from './erasure.ts';
import { notify } from './mailing.ts';

/** A link that was opened: its token, which is used up by now, and its user, whose row is locked. */
export interface OpenedLink {
  token: EmailToken;
  user: User;
  client: Client;
}

/**
 * Mails a link to confirm a new address, and records the request. It does not check whether somebody has the address
 * already: the unique index decides when the link is opened.
 */
export async function requestEmailChange(
  deps: Deps,
  tx: Db,
  user: User,
  newEmail: string,
  { sessionId, client, mayWrite }: { sessionId: string; client: Client; mayWrite: boolean },
): Promise<void> {
  if (mayWrite) await mailLink(deps, tx, user, 'CHANGE_EMAIL', newEmail);
  const event = { userId: user.id, sessionId, client, now: deps.now() };
  await recordEvent(tx, { type: 'EMAIL_CHANGE_REQUESTED', ...event });
}

/**
 * Puts a confirmed new address into use. Earlier links of the user are void, except those that undo a change of
 * address. Another one of these goes to the old address now.
 *
 * @throws {AuthError} EMAIL_TAKEN; INVALID_TOKEN when another address is waiting by now
 */
export async function confirmEmailChange(
  deps: Deps,
  tx: Db,
  { token, user, client }: OpenedLink,
): Promise<void> {
  if (user.pendingEmail !== token.email) throw new AuthError('INVALID_TOKEN');
  const now = deps.now();
  const changes = { email: token.email, emailVerifiedAt: now, pendingEmail: null };
  await updateUser(tx, user.id, changes, now);
  await voidLinksOf(tx, user.id, now);
  await recordEvent(tx, { type: 'EMAIL_CHANGED', userId: user.id, client, now });
  const undo = await issueToken(deps, tx, user.id, 'UNDO_EMAIL_CHANGE', user.email);
  // an address that nobody confirmed may be a stranger's, and the new address could be made of words for them to read
  const newEmail = user.emailVerifiedAt === null ? null : token.email;
  const message = { kind: 'email-changed', newEmail, ...undo } as const;
  await notify(deps, tx, user, message);
}

/**
 * Gives an account back to its earlier address. Whoever changed the address was signed in and knew the password, so all
 * sessions end, the password is removed, and the owner gets a link to choose another.
 *
 * @throws {AuthError} EMAIL_TAKEN when somebody else has confirmed the address in the meantime
 */
export async function undoEmailChange(
  deps: Deps,
  tx: Db,
  { token, user, client }: OpenedLink,
): Promise<void> {
  const now = deps.now();
  await evictSquatter(deps, tx, token.email, user.id, client);
  const changes = { email: token.email, emailVerifiedAt: now, pendingEmail: null };
  await updateUser(tx, user.id, { ...changes, passwordHash: null }, now);
  await voidLinksOf(tx, user.id, now);
  // Earlier undo links stay valid: somebody who changed the address twice must not void the first one by undoing the
  // second change.
  await voidUndoTokensSince(tx, user.id, token.createdAt, now);
  await recordEvent(tx, { type: 'EMAIL_CHANGE_UNDONE', userId: user.id, client, now });
  await replaceLostPassword(deps, tx, { ...user, ...changes }, 'EMAIL_CHANGE_UNDONE', client);
}

/**
 * Deletes an account that was registered with the old address after it had been given up, unless somebody has confirmed
 * that address or the account is an administrator's. Otherwise, whoever took the first account over could register the
 * old address themselves, and nothing could be undone.
 */
async function evictSquatter(
  deps: Deps,
  tx: Db,
  email: string,
  rightfulId: string,
  client: Client,
): Promise<void> {
  const found = await findAccountByIdentifier(tx, email);
  if (found === null || found.user.id === rightfulId) return;
  // judged by the locked row: its owner may be confirming the address at this very moment
  const user = (await lockAccount(tx, found.user.id))?.user;
  if (user === undefined || identifierKey(user.email) !== identifierKey(email)) return;
  if (user.emailVerifiedAt !== null || user.role !== 'USER') return;
  await eraseUser(deps, tx, user, { actorId: null, client });
}

/** Voids the link that was sent to an address that waits for its confirmation. */
export async function cancelEmailChange(deps: Deps, tx: Db, userId: string): Promise<void> {
  await voidEmailTokens(tx, userId, ['CHANGE_EMAIL'], deps.now());
}
