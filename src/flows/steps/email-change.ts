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

/** A link that was opened: its token, which is used up by now, and whose it is, locked. */
export interface OpenedLink {
  token: EmailToken;
  user: User;
  client: Client;
}

/**
 * Has another address wait for its confirmation, and mails the link there. Whether somebody has that address is not looked
 * at: the unique index decides when the link is opened.
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
 * Puts the address in force that a link has confirmed. What was mailed to the old address is dead, but for the link that
 * goes there now: it undoes the change.
 *
 * @throws {AuthError} EMAIL_TAKEN; INVALID_TOKEN when another address is waited for by now
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
  // an address that nobody confirmed may be a stranger's, and the new one may be made of words for them to read
  const newEmail = user.emailVerifiedAt === null ? null : token.email;
  const message = { kind: 'email-changed', newEmail, ...undo } as const;
  await notify(deps, tx, user, message);
}

/**
 * Gives an account back to the address that it had before. Whoever changed it was signed in and knew the password, so both
 * end, and the owner chooses another password by mail.
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
  // the earlier ones stay good: whoever changed the address twice must not undo the second change to disarm the first
  await voidUndoTokensSince(tx, user.id, token.createdAt, now);
  await recordEvent(tx, { type: 'EMAIL_CHANGE_UNDONE', userId: user.id, client, now });
  await replaceLostPassword(deps, tx, { ...user, ...changes }, 'EMAIL_CHANGE_UNDONE', client);
}

/**
 * Deletes an account that was registered with the address since it was given up, unless somebody has confirmed that. Whoever
 * took the account over could otherwise register the old address themselves, and nothing could be undone.
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

/** Forgets an address that waits for its confirmation; the link that was sent there is dead. */
export async function cancelEmailChange(deps: Deps, tx: Db, userId: string): Promise<void> {
  await voidEmailTokens(tx, userId, ['CHANGE_EMAIL'], deps.now());
}
