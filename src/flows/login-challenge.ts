import type { Client } from '../client.ts';
import { opaqueTokenHash } from '../crypto/opaque-token.ts';
import { AuthError } from '../errors.ts';
import { findAccount } from '../records/account.ts';
import {
  consumeChallenge,
  findOpenChallenge,
  type LoginChallenge,
  takeChallengeAttempt,
} from '../records/login-challenge.ts';
import type { Deps } from './deps.ts';
import { completeWithCode } from './steps/login-completion.ts';
import type { SignedIn } from './steps/session-opening.ts';

export interface ChallengeAnswer {
  challenge: string;
  code: string;
}

/**
 * Completes a sign-in with a TOTP or recovery code.
 *
 * A challenge accepts as many codes as a password may have failures. Codes are also counted for the user, so that
 * signing in again for another challenge gains no guesses.
 *
 * @throws {AuthError} INVALID_CODE; INVALID_CHALLENGE when it is unknown, used, expired or has failed too often;
 *   ACCOUNT_DISABLED
 */
export async function completeLogin(
  deps: Deps,
  answer: ChallengeAnswer,
  client: Client,
): Promise<SignedIn> {
  const now = deps.now();
  const tokenHash = opaqueTokenHash(answer.challenge);
  const { limit } = deps.config.attempts;
  const challenge = await findOpenChallenge(deps.db, tokenHash, limit, now);
  const account = challenge === null ? null : await findAccount(deps.db, challenge.userId);
  if (challenge === null || account === null) throw new AuthError('INVALID_CHALLENGE');
  if (account.user.status === 'DISABLED') throw new AuthError('ACCOUNT_DISABLED');
  const login = {
    account,
    wish: wishOf(challenge),
    deviceId: challenge.deviceId,
    client,
    code: answer.code,
  };
  const over = () => new AuthError('INVALID_CHALLENGE');
  return completeWithCode(deps, login, {
    // rolled back with the check: a caller who is told that the service is overloaded or its database down has not
    // guessed
    async beforeCheck(tx) {
      if (!(await takeChallengeAttempt(tx, tokenHash, limit, now))) throw over();
    },
    async settle(tx) {
      if (!(await consumeChallenge(tx, tokenHash, now))) throw over();
    },
  }).catch(asChallengeFailure);
}

const wishOf = ({ remembered, cookies }: LoginChallenge) => ({ remembered, cookies });

/**
 * Replaces failures that end the whole sign-in, and not just reject one code. The user has to sign in again, and learns
 * the reason there.
 */
function asChallengeFailure(error: unknown): never {
  const ended = ['ACCOUNT_LOCKED', 'INVALID_CREDENTIALS'];
  if (error instanceof AuthError && ended.includes(error.code)) {
    throw new AuthError('INVALID_CHALLENGE');
  }
  throw error;
}
