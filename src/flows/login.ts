import type { Client } from '../client.ts';
import { knownDevice } from '../crypto/device-token.ts';
import { createOpaqueToken } from '../crypto/opaque-token.ts';
import { transaction } from '../db/client.ts';
import { AuthError } from '../errors.ts';
import { isPossibleIdentifier, isPossiblePassword } from '../input.ts';
import {
  type Account,
  deviceOwnerOf,
  findAccountByIdentifier,
  isStillSo,
  lockAccount,
} from '../records/account.ts';
import { recordEvent } from '../records/audit-event.ts';
import { hasEmailTokenSince } from '../records/email-token.ts';
import { insertLoginChallenge } from '../records/login-challenge.ts';
import {
  findPendingRegistration,
  type PendingRegistration,
} from '../records/pending-registration.ts';
import { identifierKey, stillThere, type User } from '../records/user.ts';
import type { Deps } from './deps.ts';
import {
  type Attempt,
  type AttemptSubject,
  passwordSubject,
  withAttempt,
} from './steps/attempt.ts';
import { mailLink } from './steps/email-link.ts';
import { completeWithCode, completeWithPassword } from './steps/login-completion.ts';
import { mayWriteTo } from './steps/mailing.ts';
import { isPasswordOf, linkEveryMs, renewLinkAfterwards } from './steps/pending-registration.ts';
import { rehashed } from './steps/rehashing.ts';
import type { SignedIn } from './steps/session-opening.ts';

export interface LoginInput {
  identifier: string;
  password: string;
  code: string | null;
  remember: boolean;
  cookies: boolean;
  deviceToken: string | null;
}

/** The password was right; a code must follow. */
export interface MfaRequired {
  challenge: string;
  expiresAt: Date;
}

const CHALLENGE_MS = 5 * 60 * 1000;

const locked = (retryAfter: number) => new AuthError('ACCOUNT_LOCKED', { retryAfter });

/**
 * Signs in by e-mail address or username and password, and by a code if the account has TOTP.
 *
 * Neither the answer nor its timing reveals whether the account exists: an unknown identifier is counted, is locked and
 * costs a hash like a known one. The state of the account, disabled or with a second factor, is revealed only after the
 * right password.
 *
 * @throws {AuthError} INVALID_CREDENTIALS, INVALID_CODE, ACCOUNT_LOCKED, ACCOUNT_DISABLED or EMAIL_NOT_VERIFIED
 * @throws {RequestError} OVERLOADED
 */
export async function login(
  deps: Deps,
  input: LoginInput,
  client: Client,
): Promise<SignedIn | MfaRequired> {
  if (!isPossibleIdentifier(input.identifier) || !isPossiblePassword(input.password)) {
    throw new AuthError('INVALID_CREDENTIALS');
  }
  // in a flood, sign-ins that could not be hashed must not reach the database either
  deps.passwords.assertRoom();
  const account = await findAccountByIdentifier(deps.db, input.identifier);
  const pending = await findPending(deps, input.identifier);
  const deviceId = account === null ? null : deviceOf(deps, input, account);
  // A known device has a counter of its own: guesses elsewhere do not lock it out, and its failures lock nobody else.
  const subject: AttemptSubject =
    account === null || deviceId === null
      ? passwordSubject(input.identifier, account?.user ?? null)
      : { kind: 'device', deviceId, userId: account.user.id };
  return withAttempt(deps, subject, locked, async (attempt) => {
    const who = { account, pending };
    const verified = await verifyPassword(deps, attempt, who, input.password, client);
    const secondFactor = verified.credentials.totpSecret !== null;
    if (secondFactor && input.code === null) {
      return challenge(deps, attempt, { account: verified, deviceId }, input, client);
    }
    const wish = { remembered: input.remember, cookies: input.cookies };
    const login = { account: verified, wish, deviceId, client };
    return input.code !== null && secondFactor
      ? completeWithCode(deps, { ...login, code: input.code }, { settle: attempt.succeed })
      : completeWithPassword(deps, login, (tx) => attempt.succeed(tx));
  });
}

function deviceOf(deps: Deps, input: LoginInput, account: Account): string | null {
  if (input.deviceToken === null) return null;
  const keys = deps.keyring.keys('device-token');
  return knownDevice(keys, input.deviceToken, deviceOwnerOf(account), deps.now());
}

/** Looks up every identifier or none at all, so that timing does not reveal that a registration is waiting. */
async function findPending(deps: Deps, identifier: string): Promise<PendingRegistration | null> {
  if (deps.config.registration !== 'verify') return null;
  return findPendingRegistration(deps.db, identifierKey(identifier));
}

async function verifyPassword(
  deps: Deps,
  attempt: Attempt,
  { account, pending }: { account: Account | null; pending: PendingRegistration | null },
  password: string,
  client: Client,
): Promise<Account> {
  const hash = account?.credentials.passwordHash ?? null;
  const matches = await deps.passwords.verify(hash, password);
  if (!matches || account === null || hash === null) {
    // after the account, so that an owner who has registered again with the same password is let in
    if (pending !== null && (await isPasswordOf(deps, pending, password))) {
      await recordWaiting(deps, attempt, pending, client);
      throw new AuthError('EMAIL_NOT_VERIFIED');
    }
    await recordFailure(deps, attempt, account, client);
    throw new AuthError('INVALID_CREDENTIALS');
  }
  if (account.user.status === 'DISABLED') {
    await recordRefusal(deps, attempt, account, 'DISABLED', client);
    throw new AuthError('ACCOUNT_DISABLED');
  }
  if (deps.config.registration === 'verify' && account.user.emailVerifiedAt === null) {
    await recordRefusal(deps, attempt, account, 'EMAIL_NOT_VERIFIED', client);
    throw new AuthError('EMAIL_NOT_VERIFIED');
  }
  return rehashed(deps, account, password);
}

async function recordFailure(
  deps: Deps,
  attempt: Attempt,
  account: Account | null,
  client: Client,
): Promise<void> {
  const failure = { client, now: deps.now(), detail: { reason: 'PASSWORD' } };
  await transaction(deps.db, async (tx) => {
    const event = { ...failure, userId: await stillThere(tx, account?.user.id ?? null) };
    await recordEvent(tx, { type: 'LOGIN_FAILED', ...event });
    const isLocked = await attempt.fail(tx);
    if (isLocked) await recordEvent(tx, { type: 'ACCOUNT_LOCKED', ...event });
  });
}

/**
 * The password is that of a pending registration, whether or not the address has an account. It counts as a failure all
 * the same: otherwise, by registering with one password after the other, somebody could try each on the account.
 * Confirming the address lifts the lock.
 */
async function recordWaiting(
  deps: Deps,
  attempt: Attempt,
  pending: PendingRegistration,
  client: Client,
): Promise<void> {
  const detail = { reason: 'EMAIL_NOT_VERIFIED' };
  const event = { userId: null, client, now: deps.now(), detail };
  await transaction(deps.db, async (tx) => {
    await recordEvent(tx, { type: 'LOGIN_FAILED', ...event });
    if (await attempt.fail(tx)) await recordEvent(tx, { type: 'ACCOUNT_LOCKED', ...event });
  });
  renewLinkAfterwards(deps, pending);
}

/** The password was right, but the account may not sign in. */
async function recordRefusal(
  deps: Deps,
  attempt: Attempt,
  { user }: Account,
  reason: 'DISABLED' | 'EMAIL_NOT_VERIFIED',
  client: Client,
): Promise<void> {
  const now = deps.now();
  const needsLink = reason === 'EMAIL_NOT_VERIFIED' && (await wantsLink(deps, user));
  await transaction(deps.db, async (tx) => {
    const userId = await stillThere(tx, user.id);
    await recordEvent(tx, { type: 'LOGIN_FAILED', userId, client, now, detail: { reason } });
    if (needsLink && (await lockAccount(tx, user.id)) !== null) {
      await mailLink(deps, tx, user, 'VERIFY_EMAIL');
    }
    await attempt.succeed(tx);
  });
}

async function wantsLink(deps: Deps, { id, email }: User): Promise<boolean> {
  const since = new Date(deps.now().getTime() - linkEveryMs(deps));
  if (await hasEmailTokenSince(deps.db, id, 'VERIFY_EMAIL', since)) return false;
  return mayWriteTo(deps, email, 'verification');
}

async function challenge(
  deps: Deps,
  attempt: Attempt,
  who: { account: Account; deviceId: string | null },
  input: LoginInput,
  client: Client,
): Promise<MfaRequired> {
  const now = deps.now();
  const { token, hash } = createOpaqueToken();
  const expiresAt = new Date(now.getTime() + CHALLENGE_MS);
  const userId = who.account.user.id;
  const { passwordHash } = who.account.credentials;
  await transaction(deps.db, async (tx) => {
    // if the password was changed while it was being checked, it opens no challenge
    if (!(await isStillSo(tx, { id: userId, passwordHash }))) {
      throw new AuthError('INVALID_CREDENTIALS');
    }
    await insertLoginChallenge(tx, {
      tokenHash: hash,
      userId,
      deviceId: who.deviceId,
      remembered: input.remember,
      cookies: input.cookies,
      createdAt: now,
      expiresAt,
    });
    await recordEvent(tx, { type: 'LOGIN_CHALLENGED', userId, client, now });
    await attempt.succeed(tx);
  });
  return { challenge: token, expiresAt };
}
