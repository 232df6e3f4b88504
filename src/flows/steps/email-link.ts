import type { Client } from '../../client.ts';
import { createOpaqueToken } from '../../crypto/opaque-token.ts';
import type { Db } from '../../db/client.ts';
import type { SessionEndReason } from '../../db/enumerations.ts';
import type { LinkToken } from '../../mail/message.ts';
import { recordEvent } from '../../records/audit-event.ts';
import {
  type EmailTokenPurpose,
  putEmailToken,
  putFirstEmailToken,
} from '../../records/email-token.ts';
import { deleteChallengesOf } from '../../records/login-challenge.ts';
import { endSessionsOf } from '../../records/session-end.ts';
import type { User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { recipientOf, writeTo } from './mailing.ts';

/** The purposes of links that prove that a mailbox belongs to whoever opens them. */
type LinkPurpose = Exclude<EmailTokenPurpose, 'UNDO_EMAIL_CHANGE'>;

const MESSAGES = {
  VERIFY_EMAIL: 'verify-email',
  CHANGE_EMAIL: 'confirm-email-change',
  RESET_PASSWORD: 'reset-password',
  INVITATION: 'invitation',
} as const satisfies Record<LinkPurpose, string>;

/**
 * Mails a link, in the transaction of its cause. It voids the previous link of the same purpose.
 *
 * @param email where to send it, if not to the address of the account
 */
export async function mailLink(
  deps: Deps,
  tx: Db,
  user: User,
  purpose: LinkPurpose,
  email: string | null = null,
): Promise<void> {
  const link = await issueToken(deps, tx, user.id, purpose, email ?? user.email);
  await writeTo(deps, tx, recipientOf(user, email), { kind: MESSAGES[purpose], ...link });
}

/** Mails a link to a user who was created in the same transaction. */
export async function mailFirstLink(
  deps: Deps,
  tx: Db,
  user: User,
  purpose: 'VERIFY_EMAIL' | 'INVITATION',
): Promise<void> {
  const { link, stored } = newLink(deps, user.id, purpose, user.email);
  await putFirstEmailToken(tx, stored);
  await writeTo(deps, tx, recipientOf(user), { kind: MESSAGES[purpose], ...link });
}

/**
 * Issues a token that is sent by mail.
 *
 * @param email the only address that the token is valid for
 */
export async function issueToken(
  deps: Deps,
  tx: Db,
  userId: string,
  purpose: EmailTokenPurpose,
  email: string,
): Promise<LinkToken> {
  const { link, stored } = newLink(deps, userId, purpose, email);
  await putEmailToken(tx, stored);
  return link;
}

function newLink(deps: Deps, userId: string, purpose: EmailTokenPurpose, email: string) {
  const { token, hash: tokenHash } = createOpaqueToken();
  const createdAt = deps.now();
  const expiresAt = new Date(createdAt.getTime() + lifetimeMs(deps, purpose));
  return {
    link: { token, expiresAt: expiresAt.getTime() } satisfies LinkToken,
    stored: { tokenHash, userId, purpose, email, createdAt, expiresAt },
  };
}

function lifetimeMs({ config }: Deps, purpose: EmailTokenPurpose): number {
  const { resetMs, verificationMs, invitationMs, undoMs } = config.emailTokens;
  switch (purpose) {
    case 'RESET_PASSWORD':
      return resetMs;
    case 'INVITATION':
      return invitationMs;
    case 'UNDO_EMAIL_CHANGE':
      return undoMs;
    default:
      return verificationMs;
  }
}

/** Signs a user out everywhere: ends all sessions, and sign-ins that wait for a code. */
export async function endAllSessions(
  deps: Deps,
  tx: Db,
  userId: string,
  reason: SessionEndReason,
): Promise<void> {
  await endSessionsOf(tx, userId, reason, deps.now());
  await deleteChallengesOf(tx, userId);
}

/**
 * Call it after the password was taken from an account because somebody else may know it. It signs out everywhere, and
 * mails a link with which the holder of the mailbox chooses another password.
 *
 * @param user as they are now, without the password
 */
export async function replaceLostPassword(
  deps: Deps,
  tx: Db,
  user: User,
  reason: 'NEVER_CONFIRMED' | 'EMAIL_CHANGE_UNDONE',
  client: Client,
): Promise<void> {
  await endAllSessions(deps, tx, user.id, 'PASSWORD_REMOVED');
  await recordEvent(tx, {
    type: 'PASSWORD_REMOVED',
    userId: user.id,
    client,
    now: deps.now(),
    detail: { reason },
  });
  await mailLink(deps, tx, user, 'RESET_PASSWORD');
}
