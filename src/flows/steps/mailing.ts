import { newId } from '../../crypto/id.ts';
import { mac } from '../../crypto/mac.ts';
import type { Db } from '../../db/client.ts';
import { RequestError, waitInWords } from '../../errors.ts';
import { linkOf } from '../../mail/link.ts';
import type { MailKind, MailMessage } from '../../mail/message.ts';
import { insertMail } from '../../records/outbox.ts';
import { recordHit, windowEnd } from '../../records/rate-limit-hit.ts';
import { identifierKey, type User } from '../../records/user.ts';
import type { Deps } from '../deps.ts';

/** Whom a mail goes to, and the phrase in it; without an id, the mail belongs to no account. */
export interface Recipient {
  id: string | null;
  email: string;
  phrase: string | null;
}

/** The part of a user that decides how to write to them; without an id if there is no account yet. */
type Addressee = Pick<User, 'email' | 'phrase' | 'emailVerifiedAt'> & { id: string | null };

const HIT_KEY_BYTES = 16;
// no digits, dots, slashes or "@": nothing that could be followed, dialled or written to
const PLAIN_WORDS = /^[\p{L}\p{M} ',;!?-]+$/u;

/**
 * A user as a recipient. Until the address is confirmed, somebody other than the reader may have chosen the phrase. It
 * is then included only if it consists of plain words, so that nobody can use us to send links and numbers to
 * strangers.
 *
 * @param email another address of theirs, which is not confirmed
 */
export function recipientOf(user: Addressee, email: string | null = null): Recipient {
  const { id, phrase } = user;
  const isTheirs = email === null && user.emailVerifiedAt !== null;
  const isHarmless = phrase !== null && PLAIN_WORDS.test(phrase);
  return { id, email: email ?? user.email, phrase: isTheirs || isHarmless ? phrase : null };
}

/**
 * Writes a message to somebody. It goes into the outbox in the transaction of what it reports, and is sent after the
 * commit, so that nobody waits for a mail server. In development without a mail server, it is kept for the developer to
 * read.
 */
export async function writeTo(
  deps: Deps,
  tx: Db,
  recipient: Recipient,
  message: MailMessage,
): Promise<void> {
  const { mail: settings, profile, publicUrl } = deps.config;
  if (settings.delivery === 'off') return;
  const now = deps.now();
  const mail = { to: recipient.email, phrase: recipient.phrase, at: now.getTime(), message };
  const state = settings.delivery === 'kept' ? 'KEPT' : 'PENDING';
  const newMail = { id: newId(now), userId: recipient.id, mail, now, state } as const;
  await insertMail(tx, deps.keyring.keys('mail'), newMail);
  if (state === 'KEPT' && profile === 'development') {
    const link = linkOf(message, publicUrl);
    deps.logger.info({ kind: message.kind, link }, `mail kept, see ${publicUrl}/dev/mail`);
  }
}

/**
 * Tells a user what happened to their account. An address that nobody confirmed may be a stranger's, so it gets no more
 * notices of one kind than the mail allowance permits, whichever account has the address.
 */
export async function notify(deps: Deps, tx: Db, user: User, message: MailMessage): Promise<void> {
  const isBounded = user.emailVerifiedAt === null;
  if (isBounded && !(await isWithin(deps, tx, user.email, ['notice', message.kind]))) return;
  await writeTo(deps, tx, recipientOf(user), message);
}

/** How strangers can cause mails. Each occasion has its own allowance, so that none can be used to suppress another. */
type Occasion = 'registration' | 'verification' | 'email-change' | 'password-reset' | 'deletion';

/**
 * Counts a mail that a stranger can cause, and tells whether it may still be written. Whoever caused it must not learn
 * the answer, which would reveal that there is somebody to write to. Ask before the transaction, and for addresses
 * without an account too.
 */
export function mayWriteTo(deps: Deps, email: string, occasion: Occasion): Promise<boolean> {
  return isWithin(deps, deps.db, email, [occasion]);
}

/**
 * Counts a mail to an address towards an allowance.
 *
 * @returns whether it is still within the allowance
 */
async function isWithin(
  deps: Deps,
  db: Db,
  email: string,
  allowance: readonly string[],
): Promise<boolean> {
  if (!deps.config.rateLimit.enabled) return true;
  const { limit, windowMs } = deps.config.mailAllowance;
  const key = hitKey(deps, 'mail', ...allowance, identifierKey(email));
  const hits = await recordHit(db, key, windowMs, deps.now());
  return hits <= limit;
}

/**
 * Keeps a user from sending mails through us to one address after another. It counts before anything is written, so
 * that concurrent requests send no more mails than consecutive ones.
 *
 * @throws {RequestError} RATE_LIMITED when the user has asked for too many mails of this kind lately
 */
export async function assertMaySend(deps: Deps, userId: string, kind: MailKind): Promise<void> {
  if (!deps.config.rateLimit.enabled) return;
  const { limit, windowMs } = deps.config.mailAllowance;
  const key = hitKey(deps, 'mail-from', kind, userId);
  const now = deps.now();
  if ((await recordHit(deps.db, key, windowMs, now)) <= limit) return;
  const end = (await windowEnd(deps.db, key)) ?? now;
  const retryAfter = Math.max(1, Math.ceil((end.getTime() - now.getTime()) / 1000));
  const message = `Too many mails: at most ${limit} of a kind in ${windowMs / 60_000} minutes (MAIL_RECIPIENT_LIMIT, MAIL_RECIPIENT_WINDOW). Try again in ${waitInWords(retryAfter)}.`;
  throw new RequestError('RATE_LIMITED', { message, retryAfter });
}

function hitKey(deps: Deps, ...counted: readonly string[]): Buffer {
  return mac(deps.keyring.keys('counter'), ...counted).subarray(0, HIT_KEY_BYTES);
}

/** From when on mails count towards the allowance of their recipient. */
export function mailWindowStart({ config, now }: Pick<Deps, 'config' | 'now'>): Date {
  return new Date(now().getTime() - config.mailAllowance.windowMs);
}
