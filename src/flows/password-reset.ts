import type { Client } from '../client.ts';
import { opaqueTokenHash } from '../crypto/opaque-token.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError } from '../errors.ts';
import {
  assertNoProblems,
  checkNewPassword,
  isPossibleIdentifier,
  type Problems,
} from '../input.ts';
import { type Account, findAccountByIdentifier, lockAccount } from '../records/account.ts';
import { recordEvent } from '../records/audit-event.ts';
import {
  type EmailTokenPurpose,
  findEmailToken,
  takeEmailToken,
  voidLinksOf,
} from '../records/email-token.ts';
import { findUser, identifierKey, updateUser } from '../records/user.ts';
import type { Deps } from './deps.ts';
import { endAllSessions, mailLink } from './steps/email-link.ts';
import { forgetPasswordAttempts } from './steps/erasure.ts';
import { dropUnproven } from './steps/first-confirmation.ts';
import { mayWriteTo, notify } from './steps/mailing.ts';

const PURPOSES: readonly EmailTokenPurpose[] = ['RESET_PASSWORD', 'INVITATION'];

/**
 * Mails a link to choose another password, if this address has an account. Whatever depends on that happens after the
 * answer is sent, so that neither its content nor its timing reveals anything.
 *
 * @throws {RequestError} OVERLOADED when too many requests are waiting
 */
export function requestPasswordReset(deps: Deps, email: string, client: Client): void {
  if (!isPossibleIdentifier(email)) return;
  deps.afterwards.add(() => mailReset(deps, email, client));
}

async function mailReset(deps: Deps, email: string, client: Client): Promise<void> {
  const mayWrite = await mayWriteTo(deps, email, 'password-reset');
  const isAddress = identifierKey(email).includes('@');
  const found = isAddress ? await findAccountByIdentifier(deps.db, email) : null;
  await transaction(deps.db, async (tx) => {
    const now = deps.now();
    const account = found === null ? null : await lockAccount(tx, found.user.id);
    const user = account?.user ?? null;
    const type = 'PASSWORD_RESET_REQUESTED';
    // to the stored address: the one that was typed may be another mailbox that looks the same
    if (mayWrite && user?.status === 'ACTIVE') await mailLink(deps, tx, user, 'RESET_PASSWORD');
    await recordEvent(tx, { type, userId: user?.id ?? null, actorId: null, client, now });
  });
}

/**
 * Chooses a password with a mailed link: another one, or an invited person's first. The link proves that the mailbox is
 * theirs and nothing more, so nobody is signed in, and a second factor stays. But if nobody has confirmed the address
 * before, the second factor may be somebody else's, and is removed. All sessions end, and locks that wrong passwords
 * have set are lifted.
 *
 * @throws {AuthError} INVALID_TOKEN, or INVALID_INPUT, after which the link is still valid
 * @throws {RequestError} OVERLOADED, after which it is still valid too
 */
export async function resetPassword(
  deps: Deps,
  input: { token: string; newPassword: string },
  client: Client,
): Promise<void> {
  const hash = opaqueTokenHash(input.token);
  const found = await findEmailToken(deps.db, hash, PURPOSES, deps.now());
  const user = found === null ? null : await findUser(deps.db, found.userId);
  // hash only for a valid link, so that strangers cannot make us hash
  if (user === null) throw new AuthError('INVALID_TOKEN');
  const problems: Problems = [];
  const { minLength } = deps.config.password;
  const rules = { minLength, isCommon: deps.isCommonPassword, names: [user.email, user.username] };
  checkNewPassword('newPassword', input.newPassword, rules, problems);
  assertNoProblems(problems);
  const passwordHash = await deps.passwords.hash(input.newPassword);
  await transaction(deps.db, async (tx) => {
    const token = await takeEmailToken(tx, hash, PURPOSES, deps.now());
    const account = token === null ? null : await lockAccount(tx, token.userId);
    if (token === null || account === null || !isGoodFor(token.email, account)) {
      throw new AuthError('INVALID_TOKEN');
    }
    await choosePassword(deps, tx, account, { passwordHash, purpose: token.purpose, client });
  });
}

function isGoodFor(email: string, { user }: Account): boolean {
  return user.status === 'ACTIVE' && identifierKey(email) === identifierKey(user.email);
}

async function choosePassword(
  deps: Deps,
  tx: Db,
  { user, credentials }: Account,
  choice: { passwordHash: string; purpose: EmailTokenPurpose; client: Client },
): Promise<void> {
  const { passwordHash, purpose, client } = choice;
  const now = deps.now();
  const emailVerifiedAt = user.emailVerifiedAt ?? now;
  const changes = { passwordHash, emailVerifiedAt, pendingEmail: null };
  await updateUser(tx, user.id, changes, now);
  const owned = { ...user, emailVerifiedAt };
  const recipient =
    user.emailVerifiedAt === null ? await dropUnproven(deps, tx, owned, client) : owned;
  await endAllSessions(deps, tx, user.id, 'PASSWORD_RESET');
  await voidLinksOf(tx, user.id, now);
  await forgetPasswordAttempts(deps, tx, user);
  const type = purpose === 'INVITATION' ? 'INVITATION_ACCEPTED' : 'PASSWORD_RESET';
  await recordEvent(tx, { type, userId: user.id, client, now });
  if (credentials.passwordHash === null) return;
  await notify(deps, tx, recipient, { kind: 'password-changed' });
}
