import type { Client } from '../client.ts';
import { opaqueTokenHash } from '../crypto/opaque-token.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError, RequestError } from '../errors.ts';
import { type Account, lockAccount } from '../records/account.ts';
import { recordEvent } from '../records/audit-event.ts';
import { type EmailTokenPurpose, takeEmailToken } from '../records/email-token.ts';
import { findUser, identifierKey, type User, updateUser } from '../records/user.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';
import { confirmEmailChange, type OpenedLink, undoEmailChange } from './steps/email-change.ts';
import { mailLink, replaceLostPassword } from './steps/email-link.ts';
import { dropUnproven } from './steps/first-confirmation.ts';
import { mayWriteTo } from './steps/mailing.ts';
import { confirmRegistration } from './steps/pending-registration.ts';

const PURPOSES: readonly EmailTokenPurpose[] = [
  'VERIFY_EMAIL',
  'CHANGE_EMAIL',
  'UNDO_EMAIL_CHANGE',
];

/**
 * Mails the viewer another link to confirm an address: the new one that waits for its confirmation, or else that of the
 * account. Sends nothing when there is nothing to confirm, or when the address has been sent too many such mails.
 *
 * @throws {RequestError} UNAUTHENTICATED when the account is gone, or OVERLOADED
 */
export async function requestEmailVerification(
  deps: Deps,
  viewer: Viewer,
  client: Client,
): Promise<void> {
  const { user, session } = viewer;
  if (user.pendingEmail === null && user.emailVerifiedAt !== null) return;
  const occasion = user.pendingEmail === null ? 'verification' : 'email-change';
  if (!(await mayWriteTo(deps, user.pendingEmail ?? user.email, occasion))) return;
  await transaction(deps.db, async (tx) => {
    const account = await lockAccount(tx, user.id);
    if (account === null) throw new RequestError('UNAUTHENTICATED');
    // a change of the address since the request came in has mailed a link of its own, which must stay valid
    if (!waitsAlike(account.user, user)) return;
    const { pendingEmail } = account.user;
    const purpose = pendingEmail === null ? 'VERIFY_EMAIL' : 'CHANGE_EMAIL';
    await mailLink(deps, tx, account.user, purpose, pendingEmail);
    const event = { userId: user.id, sessionId: session.id, client, now: deps.now() };
    await recordEvent(tx, { type: 'EMAIL_VERIFICATION_REQUESTED', ...event });
  });
}

/** Whether the same address waits for its confirmation in both. */
function waitsAlike(one: User, other: User): boolean {
  return (
    one.email === other.email &&
    one.pendingEmail === other.pendingEmail &&
    (one.emailVerifiedAt === null) === (other.emailVerifiedAt === null)
  );
}

/**
 * Does what a mailed link is for: confirms the address of an account or a new one, or undoes a change of address.
 *
 * A link proves who has the mailbox, but not who chose the password: anybody could have registered with the address. So
 * the first confirmation, unless it comes from a session of the account, removes the password, the second factor, the
 * phrase and all sessions, and mails a link to choose another password. A pending registration, by contrast, becomes an
 * account with the password it was made with, which has been useless until now.
 *
 * @param viewer who sent the request, if anybody is signed in
 * @throws {AuthError} INVALID_TOKEN, or EMAIL_TAKEN when somebody else has the address by now
 */
export async function verifyEmail(
  deps: Deps,
  viewer: Viewer | null,
  token: string,
  client: Client,
): Promise<User> {
  const hash = opaqueTokenHash(token);
  return transaction(deps.db, async (tx) => {
    const taken = await takeEmailToken(tx, hash, PURPOSES, deps.now());
    if (taken === null) return confirmRegistration(deps, tx, hash, client);
    const account = await lockAccount(tx, taken.userId);
    if (account === null || account.user.status === 'DISABLED') {
      throw new AuthError('INVALID_TOKEN');
    }
    const link = { token: taken, user: account.user, client };
    if (taken.purpose === 'CHANGE_EMAIL') await confirmEmailChange(deps, tx, link);
    else if (taken.purpose === 'UNDO_EMAIL_CHANGE') await undoEmailChange(deps, tx, link);
    else await confirmEmail(deps, tx, link, isAtRisk(account, viewer));
    const user = await findUser(tx, account.user.id);
    if (user === null) throw new AuthError('INVALID_TOKEN');
    return user;
  });
}

/** Whether somebody other than the holder of the mailbox may have chosen the password. */
function isAtRisk({ user, credentials }: Account, viewer: Viewer | null): boolean {
  return (
    user.emailVerifiedAt === null &&
    credentials.passwordHash !== null &&
    viewer?.user.id !== user.id
  );
}

async function confirmEmail(
  deps: Deps,
  tx: Db,
  { token, user, client }: OpenedLink,
  atRisk: boolean,
): Promise<void> {
  if (identifierKey(token.email) !== identifierKey(user.email)) {
    throw new AuthError('INVALID_TOKEN');
  }
  const now = deps.now();
  const changes = {
    emailVerifiedAt: user.emailVerifiedAt ?? now,
    ...(atRisk ? { passwordHash: null, pendingEmail: null } : {}),
  };
  await updateUser(tx, user.id, changes, now);
  await recordEvent(tx, { type: 'EMAIL_VERIFIED', userId: user.id, client, now });
  if (!atRisk) return;
  const owned = await dropUnproven(deps, tx, { ...user, ...changes }, client);
  await replaceLostPassword(deps, tx, owned, 'NEVER_CONFIRMED', client);
}
