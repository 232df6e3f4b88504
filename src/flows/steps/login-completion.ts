import type { Client } from '../../client.ts';
import { type Db, transaction } from '../../db/client.ts';
import { AuthError } from '../../errors.ts';
import { type Account, deviceOwnerOf, recordLogin } from '../../records/account.ts';
import { recordEvent } from '../../records/audit-event.ts';
import { findLoginHistory, type LoginHistory } from '../../records/login-history.ts';
import { forgetOldestSessions, type Session } from '../../records/session.ts';
import { endSurplusSessions } from '../../records/session-end.ts';
import { stillThere } from '../../records/user.ts';
import type { Deps } from '../deps.ts';
import { type Attempt, withAttempt, withTwofoldAttempt } from './attempt.ts';
import { type MfaMethod, takeCode } from './code-check.ts';
import { mailWindowStart, notify } from './mailing.ts';
import { issueTokens, openSession, type SignedIn } from './session-opening.ts';

// Programs that sign in all day would otherwise leave more sessions in a month than can be deleted with their account,
// or exported.
const OVER_KEPT = 1000;
const FORGOTTEN_AT_ONCE = 100;

/** A sign-in whose password was right. */
export interface PendingLogin {
  account: Account;
  wish: { remembered: boolean; cookies: boolean };
  /** The device, if it has signed in before. */
  deviceId: string | null;
  client: Client;
}

/**
 * Opens the session of a user who has no second factor.
 *
 * @param settle further work in the same transaction, such as settling the attempt
 * @throws {AuthError} INVALID_CREDENTIALS when the account changed while the password was being checked
 */
export async function completeWithPassword(
  deps: Deps,
  login: PendingLogin,
  settle: (tx: Db) => Promise<void>,
): Promise<SignedIn> {
  const session = await transaction(deps.db, async (tx) => {
    const opened = await openLoginSession(deps, tx, login, ['pwd']);
    await settle(tx);
    return opened;
  });
  return issue(deps, login, session);
}

/**
 * Checks the code of a sign-in and opens its session. The code and whatever `settle` uses up are taken in the
 * transaction that opens the session: all of it happens, or nothing. A wrong code is counted in the transaction that
 * checked it, so that no failure of the service costs a guess.
 *
 * @param also.beforeCheck further work in that transaction, whether or not the code is right
 * @param also.settle further work in it, if the code is right
 * @throws {AuthError} INVALID_CODE; ACCOUNT_LOCKED when too many codes have failed; whatever `also` throws
 */
export async function completeWithCode(
  deps: Deps,
  login: PendingLogin & { code: string },
  also: { beforeCheck?(tx: Db): Promise<void>; settle(tx: Db): Promise<void> },
): Promise<SignedIn> {
  return withCodeAttempt(deps, login, async (attempt) => {
    const session = await transaction(deps.db, async (tx) => {
      await also.beforeCheck?.(tx);
      const opened = await openCodeSession(deps, tx, login);
      if (opened === null) {
        await recordCodeFailure(deps, tx, attempt, login);
        return null;
      }
      await also.settle(tx);
      await attempt.succeed(tx);
      return opened;
    });
    if (session === null) throw new AuthError('INVALID_CODE');
    return issue(deps, login, session);
  });
}

/**
 * Counts codes separately on known devices: otherwise, somebody who has the password could keep the owner out with
 * wrong codes.
 */
function withCodeAttempt<T>(
  deps: Deps,
  { account, deviceId }: PendingLogin,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const userId = account.user.id;
  const locked = (retryAfter: number) => new AuthError('ACCOUNT_LOCKED', { retryAfter });
  if (deviceId === null) return withAttempt(deps, { kind: 'code', userId }, locked, work);
  const device = { kind: 'device-code', deviceId, userId } as const;
  return withTwofoldAttempt(deps, [device, { kind: 'devices-code', userId }], locked, work);
}

async function openCodeSession(
  deps: Deps,
  tx: Db,
  login: PendingLogin & { code: string },
): Promise<Session | null> {
  const { account, client } = login;
  const userId = account.user.id;
  const method = await takeAccountCode(deps, tx, account, login.code);
  if (method === null) return null;
  const session = await openLoginSession(deps, tx, login, ['pwd', 'otp', 'mfa']);
  if (method === 'RECOVERY_CODE') {
    const sessionId = session.id;
    await recordEvent(tx, {
      type: 'RECOVERY_CODE_USED',
      userId,
      sessionId,
      client,
      now: deps.now(),
    });
  }
  return session;
}

async function takeAccountCode(
  deps: Deps,
  tx: Db,
  account: Account,
  code: string,
): Promise<MfaMethod | null> {
  const { totpSecret } = account.credentials;
  if (totpSecret === null) return null;
  return takeCode(deps, tx, { userId: account.user.id, totpSecret }, code);
}

async function openLoginSession(
  deps: Deps,
  tx: Db,
  login: PendingLogin,
  amr: readonly string[],
): Promise<Session> {
  const { account, client } = login;
  const now = deps.now();
  const userId = account.user.id;
  const { passwordHash } = account.credentials;
  // false if the account was disabled or deleted, or got another password or TOTP, in the meantime
  const proven = { id: userId, passwordHash, byPasswordAlone: !amr.includes('mfa') };
  const isUnchanged = await recordLogin(tx, proven, now);
  if (!isUnchanged) throw new AuthError('INVALID_CREDENTIALS');
  // the row is locked now, so that concurrent sign-ins do not miss each other's session and mail
  const { maxPerUser } = deps.config.sessions;
  const keep = maxPerUser + OVER_KEPT;
  const mailsSince = mailWindowStart(deps);
  const history = await findLoginHistory(tx, userId, { now, mailsSince, keep });
  if (isNewDevice(login, history)) await tellOfDevice(deps, tx, login, history);
  const session = await openSession(deps, tx, userId, { ...login.wish, amr }, client);
  if (history.liveSessions >= maxPerUser) await endSurplus(deps, tx, session, client);
  if (history.hasSurplus) await forgetOldestSessions(tx, userId, now, FORGOTTEN_AT_ONCE);
  await recordEvent(tx, { type: 'LOGIN_SUCCEEDED', userId, sessionId: session.id, client, now });
  return session;
}

/** Whether to report a new device. The very first sign-in comes from one too, but reporting it would help nobody. */
function isNewDevice({ account, deviceId }: PendingLogin, history: LoginHistory): boolean {
  return deviceId === null && (account.user.lastLoginAt !== null || history.hasSessions);
}

async function tellOfDevice(
  deps: Deps,
  tx: Db,
  { account, client }: PendingLogin,
  { deviceMails }: LoginHistory,
): Promise<void> {
  // some programs sign in all day without a device token
  if (deviceMails >= deps.config.mailAllowance.limit) return;
  const { ipAddress, userAgent } = client;
  const message = { kind: 'new-device', ipAddress, userAgent } as const;
  await notify(deps, tx, account.user, message);
}

async function endSurplus(deps: Deps, tx: Db, session: Session, client: Client): Promise<void> {
  const { id: sessionId, userId, createdAt: now } = session;
  const endedSessions = await endSurplusSessions(tx, userId, deps.config.sessions.maxPerUser, now);
  if (endedSessions === 0) return;
  const event = { userId, sessionId, client, now, detail: { endedSessions } };
  await recordEvent(tx, { type: 'SESSION_LIMIT_REACHED', ...event });
}

async function recordCodeFailure(
  deps: Deps,
  tx: Db,
  attempt: Attempt,
  { account, client }: PendingLogin,
): Promise<void> {
  const userId = await stillThere(tx, account.user.id);
  const event = { userId, client, now: deps.now(), detail: { reason: 'CODE' } };
  await recordEvent(tx, { type: 'LOGIN_FAILED', ...event });
  const isLocked = await attempt.fail(tx);
  if (isLocked) await recordEvent(tx, { type: 'ACCOUNT_LOCKED', ...event });
}

function issue(deps: Deps, login: PendingLogin, session: Session): Promise<SignedIn> {
  const { account, deviceId } = login;
  const user = { ...account.user, lastLoginAt: session.createdAt };
  return issueTokens(deps, user, session, { id: deviceId, owner: deviceOwnerOf(account) });
}
