import type { Client } from '../../client.ts';
import { newId } from '../../crypto/id.ts';
import { createOpaqueToken } from '../../crypto/opaque-token.ts';
import { fitsHint, passwordHint } from '../../crypto/password-hint.ts';
import { type Db, transaction } from '../../db/client.ts';
import { AuthError } from '../../errors.ts';
import type { LinkToken, MailMessage } from '../../mail/message.ts';
import { findAccountByIdentifier, findUserByUsername } from '../../records/account.ts';
import { recordEvent } from '../../records/audit-event.ts';
import {
  type PendingLink,
  type PendingRegistration,
  putPendingRegistration,
  renewPendingLink,
  takePendingRegistration,
} from '../../records/pending-registration.ts';
import { identifierKey, insertUser, stillThere, type User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { forgetSignInAttempts } from './erasure.ts';
import { mayWriteTo, recipientOf, writeTo } from './mailing.ts';

const LINK_EVERY_MS = 15 * 60 * 1000;

/**
 * How often somebody who keeps trying to sign in before confirming is sent another link, at most. A link that expires sooner
 * is replaced as soon as it has.
 */
export function linkEveryMs({ config }: Pick<Deps, 'config'>): number {
  return Math.min(LINK_EVERY_MS, config.emailTokens.verificationMs);
}

/** What somebody registers with. */
export interface Registration {
  email: string;
  username: string | null;
  displayName: string | null;
  phrase: string | null;
  password: string;
  passwordHash: string;
}

/**
 * Keeps a registration until its address is confirmed, in the place of one that waits there. Whether or not the address
 * has an account, the same statements keep it, and it waits in the same way, so that nothing reveals which. Only the
 * mail differs: the owner of an account is sent no link.
 *
 * @param mayWrite whether a mail may be sent there. If not, nothing changes: a mailed link must not be voided by one
 *   that is not sent, or a stranger who registers often enough could keep everybody from confirming.
 * @throws {AuthError} USERNAME_TAKEN when an account has it; pending registrations reserve no username
 */
export async function keepRegistration(
  deps: Deps,
  tx: Db,
  registration: Registration,
  { mayWrite, client }: { mayWrite: boolean; client: Client },
): Promise<void> {
  const { password, ...kept } = registration;
  const { email, username } = kept;
  if (username !== null && (await findUserByUsername(tx, username)) !== null) {
    throw new AuthError('USERNAME_TAKEN');
  }
  const owner = await holdOwner(tx, email);
  const now = deps.now();
  if (mayWrite) {
    const { link, stored } = newLink(deps);
    const key = identifierKey(email);
    const hint = passwordHint(deps.keyring.keys('password-hint'), key, password);
    const identity = { ...kept, emailKey: key, passwordHint: hint, createdAt: now };
    await putPendingRegistration(tx, { ...identity, ...stored });
    const message: MailMessage =
      owner === null ? { kind: 'verify-email', ...link } : { kind: 'already-registered' };
    await writeTo(deps, tx, recipientOf(owner ?? asStranger(kept)), message);
  }
  const type = owner === null ? 'EMAIL_VERIFICATION_REQUESTED' : 'REGISTRATION_REPEATED';
  await recordEvent(tx, { type, userId: owner?.id ?? null, actorId: null, client, now });
}

/**
 * Whether a password is that of a pending registration. It computes a hash only if the hint fits: almost never for a
 * wrong password, whether or not there is an account too.
 */
export async function isPasswordOf(
  deps: Deps,
  pending: PendingRegistration,
  password: string,
): Promise<boolean> {
  const { passwordHash, passwordHint: hint, emailKey } = pending;
  const mayBe = fitsHint(deps.keyring.keys('password-hint'), hint, emailKey, password);
  return mayBe && deps.passwords.verify(passwordHash, password);
}

/**
 * Mails another link to somebody who knows the password of a pending registration, now and then. It does so after the
 * answer is sent: the mail goes out only if the address has no account, and timing must not reveal that.
 *
 * @throws {RequestError} OVERLOADED when too much is waiting
 */
export function renewLinkAfterwards(deps: Deps, pending: PendingRegistration): void {
  if (deps.now().getTime() - pending.linkedAt.getTime() < linkEveryMs(deps)) return;
  deps.afterwards.add(() => renewLink(deps, pending));
}

async function renewLink(deps: Deps, pending: PendingRegistration): Promise<void> {
  if (!(await mayWriteTo(deps, pending.email, 'verification'))) return;
  await transaction(deps.db, async (tx) => {
    const { link, stored } = newLink(deps);
    // for a taken address too: registrations are deleted some time after their link expires, and none may go sooner
    // than another
    if (!(await renewPendingLink(tx, pending, stored))) return;
    if ((await findAccountByIdentifier(tx, pending.email)) !== null) return;
    await writeTo(deps, tx, recipientOf(asStranger(pending)), { kind: 'verify-email', ...link });
  });
}

/**
 * Makes an account of the registration that a link confirms, and lifts the locks on its names. If somebody has its
 * username by now, the account has none.
 *
 * @throws {AuthError} INVALID_TOKEN, also if the address is taken by now: its owner must not learn who registered with it
 */
export async function confirmRegistration(
  deps: Deps,
  tx: Db,
  tokenHash: Buffer,
  client: Client,
): Promise<User> {
  const now = deps.now();
  const isClosed = deps.config.registration === 'closed';
  const pending = isClosed ? null : await takePendingRegistration(tx, tokenHash, now);
  if (pending === null) throw new AuthError('INVALID_TOKEN');
  const user = await insertConfirmed(tx, pending, now);
  const event = { userId: user.id, client, now };
  await recordEvent(tx, { type: 'REGISTERED', ...event });
  await recordEvent(tx, { type: 'EMAIL_VERIFIED', ...event });
  await forgetSignInAttempts(deps, tx, user);
  return user;
}

async function insertConfirmed(tx: Db, pending: PendingRegistration, now: Date): Promise<User> {
  const { email, username, displayName, phrase, passwordHash } = pending;
  const chosen = { email, username, displayName, phrase, passwordHash };
  const given = {
    id: newId(now),
    emailVerifiedAt: now,
    role: 'USER',
    appMetadata: {},
    now,
  } as const;
  try {
    return await insertUser(tx, { ...given, ...chosen });
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    if (error.code !== 'USERNAME_TAKEN') throw new AuthError('INVALID_TOKEN');
    return insertConfirmed(tx, { ...pending, username: null }, now);
  }
}

/** Who has an address, their row locked: somebody who is being deleted must neither get a mail nor go on record. */
async function holdOwner(tx: Db, email: string): Promise<User | null> {
  const user = (await findAccountByIdentifier(tx, email))?.user ?? null;
  return (await stillThere(tx, user?.id ?? null)) === null ? null : user;
}

/** The recipient of a mail that belongs to no account. */
function asStranger({ email, phrase }: { email: string; phrase: string | null }) {
  return { id: null, email, phrase, emailVerifiedAt: null };
}

function newLink({ config, now }: Deps): { link: LinkToken; stored: PendingLink } {
  const { token, hash: tokenHash } = createOpaqueToken();
  const linkedAt = now();
  const expiresAt = new Date(linkedAt.getTime() + config.emailTokens.verificationMs);
  return {
    link: { token, expiresAt: expiresAt.getTime() },
    stored: { tokenHash, linkedAt, expiresAt },
  };
}
