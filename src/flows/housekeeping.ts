import { purgeAttemptCounters } from '../records/attempt-counter.ts';
import { purgeEvents } from '../records/audit-event.ts';
import { purgeEmailTokens } from '../records/email-token.ts';
import { purgeLoginChallenges } from '../records/login-challenge.ts';
import { purgeMails } from '../records/mail-delivery.ts';
import { purgeRateLimitHits, purgeRateLimitHitsBeyond } from '../records/rate-limit-hit.ts';
import { purgeSessions } from '../records/session.ts';
import { purgeTotpEnrolments } from '../records/totp.ts';
import type { Deps } from './deps.ts';

const BATCH = 1000;
const BATCHES = 1000;
// a session that has ended stays for as long as its refresh tokens could still be recognised as reused
const SESSION_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** Forgets what says nothing any more, in batches small enough not to hold anybody up. @returns how many rows */
export async function forgetExpired(deps: Deps): Promise<number> {
  const forgotten = await forgetExpiredByKind(deps);
  return Object.values(forgotten).reduce((sum, rows) => sum + rows, 0);
}

/** The same. @returns how many rows of which kind, such as `sessions` */
export async function forgetExpiredByKind(deps: Deps): Promise<Record<string, number>> {
  const forgotten: Record<string, number> = {};
  for (const [kind, purge] of Object.entries(purgesOf(deps))) {
    forgotten[kind] = await inBatches(purge);
  }
  return forgotten;
}

type Purge = (limit: number) => Promise<number>;

function purgesOf({ db, config, now }: Deps): Record<string, Purge> {
  const at = now();
  const ago = (ms: number) => new Date(at.getTime() - ms);
  const attemptsKept = Math.max(config.attempts.windowMs, 60_000);
  return {
    rateLimitHits: (limit) => purgeRateLimitHits(db, at, limit),
    rateLimitHitsBeyond: (limit) => purgeRateLimitHitsBeyond(db, config.rateLimit.rows, limit),
    loginChallenges: (limit) => purgeLoginChallenges(db, at, limit),
    emailTokens: (limit) => purgeEmailTokens(db, at, limit),
    totpEnrolments: (limit) => purgeTotpEnrolments(db, at, limit),
    attemptCounters: (limit) => purgeAttemptCounters(db, ago(attemptsKept), limit),
    sessions: (limit) => purgeSessions(db, ago(SESSION_KEPT_MS), limit),
    auditEvents: (limit) => purgeEvents(db, ago(config.audit.retentionMs), limit),
    mails: (limit) => purgeMails(db, ago(config.mail.retentionMs), limit),
  };
}

/** Goes on while there is something to forget, but not for ever: there are others, and the next time. */
async function inBatches(purge: Purge): Promise<number> {
  let forgotten = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const deleted = await purge(BATCH);
    forgotten += deleted;
    if (deleted < BATCH) break;
  }
  return forgotten;
}
