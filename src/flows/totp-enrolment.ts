import type { Client } from '../client.ts';
import { decrypt, encrypt } from '../crypto/cipher.ts';
import { newId } from '../crypto/id.ts';
import {
  createRecoveryCodes,
  parseRecoveryCode,
  recoveryCodeHashes,
} from '../crypto/recovery-code.ts';
import { createTotpSecret, totpEnrolment, totpStep } from '../crypto/totp.ts';
import { type Db, transaction } from '../db/client.ts';
import { AuthError, RequestError } from '../errors.ts';
import { recordEvent } from '../records/audit-event.ts';
import { deleteChallengesOf } from '../records/login-challenge.ts';
import { deleteRecoveryCodes, replaceRecoveryCodes } from '../records/recovery-code.ts';
import {
  disableTotpSecret,
  enableTotpSecret,
  findTotpEnrolment,
  putTotpEnrolment,
  takeTotpEnrolment,
} from '../records/totp.ts';
import { findUser, stillThere, type User } from '../records/user.ts';
import type { Viewer } from './authentication.ts';
import type { Deps } from './deps.ts';
import { type Attempt, withAttempt } from './steps/attempt.ts';
import { notify } from './steps/mailing.ts';
import { reauthenticate, withCode } from './steps/reauthentication.ts';
import { assertStillSignedIn } from './steps/standing.ts';

const ENROLMENT_MS = 15 * 60 * 1000;

/** What an authenticator app needs. It is shown only once. */
export interface TotpEnrolment {
  secret: string;
  uri: string;
  qrCode: string;
}

/**
 * Starts an enrolment: the new secret waits until a code confirms it, in the place of one that was waiting before.
 *
 * @throws {AuthError} INVALID_CREDENTIALS or TOTP_ALREADY_ENABLED
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED, or UNAUTHENTICATED when the session has ended
 */
export async function enableTotp(
  deps: Deps,
  viewer: Viewer,
  currentPassword: string,
  client: Client,
): Promise<TotpEnrolment> {
  const { user, credentials } = await reauthenticate(deps, viewer, currentPassword, client);
  if (user.totpEnabled) throw new AuthError('TOTP_ALREADY_ENABLED');
  const secret = createTotpSecret();
  const now = deps.now();
  await transaction(deps.db, async (tx) => {
    await assertStillSignedIn(deps, tx, viewer, credentials.passwordHash);
    // an earlier enrolment may have been confirmed while the password was being hashed
    if ((await findUser(tx, user.id))?.totpEnabled) throw new AuthError('TOTP_ALREADY_ENABLED');
    await putTotpEnrolment(tx, {
      userId: user.id,
      secret: encrypt(deps.keyring.keys('totp-secret'), Buffer.from(secret), user.id),
      expiresAt: new Date(now.getTime() + ENROLMENT_MS),
    });
    await recordEvent(tx, event('TOTP_ENROLMENT_STARTED', viewer, client, now));
  });
  const issuer = new URL(deps.config.publicUrl).hostname;
  return { secret, ...totpEnrolment(secret, issuer, user.email) };
}

/**
 * Puts a waiting secret into use once a code proves that the app has it.
 *
 * @returns the user, and the recovery codes, which are shown only this once
 * @throws {AuthError} INVALID_CODE, TOTP_NOT_ENABLED when no secret is waiting, or TOTP_ALREADY_ENABLED
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED, or UNAUTHENTICATED when the session has ended
 */
export async function confirmTotp(
  deps: Deps,
  viewer: Viewer,
  code: string,
  client: Client,
): Promise<{ user: User; recoveryCodes: string[] }> {
  const { user } = viewer;
  if (user.totpEnabled) throw new AuthError('TOTP_ALREADY_ENABLED');
  const now = deps.now();
  const enrolment = await findTotpEnrolment(deps.db, user.id, now);
  if (enrolment === null) throw new AuthError('TOTP_NOT_ENABLED');
  const keys = deps.keyring.keys('totp-secret');
  const secret = decrypt(keys, enrolment.secret, user.id).toString();
  const tooMany = (retryAfter: number) => new RequestError('RATE_LIMITED', { retryAfter });
  return withAttempt(deps, { kind: 'code', userId: user.id }, tooMany, async (attempt) => {
    const step = totpStep(secret, code, now);
    if (step === null) return refuseCode(deps, viewer, attempt, client);
    const recoveryCodes = await transaction(deps.db, async (tx) => {
      await assertStillSignedIn(deps, tx, viewer, null);
      const confirmed = { secret: enrolment.secret, step };
      const codes = await putInForce(deps, tx, viewer, confirmed, client);
      await attempt.succeed(tx);
      return codes;
    });
    return { user: { ...user, totpEnabled: true, updatedAt: now }, recoveryCodes };
  });
}

async function putInForce(
  deps: Deps,
  tx: Db,
  viewer: Viewer,
  confirmed: { secret: Buffer; step: number },
  client: Client,
): Promise<string[]> {
  const now = deps.now();
  const userId = viewer.user.id;
  if (!(await takeTotpEnrolment(tx, userId, confirmed.secret))) {
    throw new AuthError('TOTP_NOT_ENABLED');
  }
  if (!(await enableTotpSecret(tx, userId, confirmed.secret, confirmed.step, now))) {
    throw new AuthError('TOTP_ALREADY_ENABLED');
  }
  // sign-ins that were begun before TOTP was on must not be completed
  await deleteChallengesOf(tx, userId);
  await recordEvent(tx, event('TOTP_ENABLED', viewer, client, now));
  await notify(deps, tx, viewer.user, { kind: 'totp-enabled' });
  return issueRecoveryCodes(deps, tx, userId);
}

async function refuseCode(
  deps: Deps,
  viewer: Viewer,
  attempt: Attempt,
  client: Client,
): Promise<never> {
  await transaction(deps.db, async (tx) => {
    const failure = event('REAUTHENTICATION_FAILED', viewer, client, deps.now());
    const userId = await stillThere(tx, viewer.user.id);
    await recordEvent(tx, { ...failure, userId, detail: { reason: 'CODE' } });
    await attempt.fail(tx);
  });
  throw new AuthError('INVALID_CODE');
}

/**
 * Turns TOTP off. This takes the password and a TOTP or recovery code.
 *
 * @throws {AuthError} INVALID_CREDENTIALS, INVALID_CODE or TOTP_NOT_ENABLED
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED, or UNAUTHENTICATED when the session has ended
 */
export async function disableTotp(
  deps: Deps,
  viewer: Viewer,
  input: { currentPassword: string; code: string },
  client: Client,
): Promise<User> {
  const account = await reauthenticate(deps, viewer, input.currentPassword, client);
  const now = deps.now();
  const userId = account.user.id;
  await withCode(deps, viewer, account, input.code, client, async (tx) => {
    if (!(await disableTotpSecret(tx, userId, now))) throw new AuthError('TOTP_NOT_ENABLED');
    await deleteRecoveryCodes(tx, userId);
    await deleteChallengesOf(tx, userId);
    await recordEvent(tx, event('TOTP_DISABLED', viewer, client, now));
    await notify(deps, tx, account.user, { kind: 'totp-disabled' });
  });
  return { ...account.user, totpEnabled: false, updatedAt: now };
}

/**
 * Issues ten new recovery codes; the earlier ones are void.
 *
 * @throws {AuthError} INVALID_CREDENTIALS, INVALID_CODE or TOTP_NOT_ENABLED
 * @throws {RequestError} RATE_LIMITED when too many have failed, OVERLOADED, or UNAUTHENTICATED when the session has ended
 */
export async function regenerateRecoveryCodes(
  deps: Deps,
  viewer: Viewer,
  input: { currentPassword: string; code: string },
  client: Client,
): Promise<string[]> {
  const account = await reauthenticate(deps, viewer, input.currentPassword, client);
  return withCode(deps, viewer, account, input.code, client, async (tx) => {
    await recordEvent(tx, event('RECOVERY_CODES_REGENERATED', viewer, client, deps.now()));
    return issueRecoveryCodes(deps, tx, account.user.id);
  });
}

async function issueRecoveryCodes(deps: Deps, tx: Db, userId: string): Promise<string[]> {
  const codes = createRecoveryCodes();
  const [current] = deps.keyring.keys('recovery-code');
  await replaceRecoveryCodes(
    tx,
    userId,
    codes.flatMap((code) =>
      recoveryCodeHashes([current], userId, parseRecoveryCode(code) ?? code).map((codeHash) => ({
        id: newId(deps.now()),
        codeHash,
      })),
    ),
  );
  return codes;
}

function event<Type extends string>(type: Type, viewer: Viewer, client: Client, now: Date) {
  return { type, userId: viewer.user.id, sessionId: viewer.session.id, client, now };
}
