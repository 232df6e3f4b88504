import type { Db } from '../db/client.ts';
import { purgeAttemptCounters } from '../records/attempt-counter.ts';
import { purgeLoginChallenges } from '../records/login-challenge.ts';
import { purgeRateLimitHits, purgeRateLimitHitsBeyond } from '../records/rate-limit-hit.ts';
import { purgeSessions } from '../records/session.ts';
import { purgeTotpEnrolments } from '../records/totp.ts';
import type { Deps } from './deps.ts';

const BATCH = 1000;
const BATCHES = 1000;
// a session that has ended stays for as long as its refresh tokens could still be recognised as reused
const SESSION_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** Forgets what says nothing any more, in batches small enough not to hold anybody up. @returns how many rows */
export async function forgetExpired({ db, config, now }: Deps): Promise<number> {
  const at = now();
  const attemptsKept = Math.max(config.attempts.windowMs, 60_000);
  const purges: [(db: Db, before: Date, limit: number) => Promise<number>, Date][] = [
    [purgeRateLimitHits, at],
    [purgeLoginChallenges, at],
    [purgeTotpEnrolments, at],
    [purgeAttemptCounters, new Date(at.getTime() - attemptsKept)],
    [purgeSessions, new Date(at.getTime() - SESSION_KEPT_MS)],
  ];
  let forgotten = 0;
  for (const [purge, before] of purges) {
    forgotten += await inBatches((limit) => purge(db, before, limit));
  }
  const { rows } = config.rateLimit;
  return forgotten + (await inBatches((limit) => purgeRateLimitHitsBeyond(db, rows, limit)));
}

/** Goes on while there is something to forget, but not for ever: there are others, and the next time. */
async function inBatches(purge: (limit: number) => Promise<number>): Promise<number> {
  let forgotten = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const deleted = await purge(BATCH);
    forgotten += deleted;
    if (deleted < BATCH) break;
  }
  return forgotten;
}
