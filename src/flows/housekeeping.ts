import type { Db } from '../db/client.ts';
import { purgeAttemptCounters } from '../records/attempt-counter.ts';
import { purgeEvents } from '../records/audit-event.ts';
import { purgeLoginChallenges } from '../records/login-challenge.ts';
import { purgeMails } from '../records/mail-delivery.ts';
import { purgeRateLimitHits } from '../records/rate-limit-hit.ts';
import { purgeSessions } from '../records/session.ts';
import { purgeTotpEnrolments } from '../records/totp.ts';
import type { Deps } from './deps.ts';

const BATCH = 500;
const BATCHES = 200;
// a session that has ended stays for as long as its refresh tokens could still be recognised as reused
const SESSION_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** Forgets what says nothing any more, in batches small enough not to hold anybody up. @returns how many rows */
export async function forgetExpired(deps: Deps): Promise<number> {
  const forgotten = await forgetExpiredByKind(deps);
  return Object.values(forgotten).reduce((sum, rows) => sum + rows, 0);
}

/** The same. @returns how many rows of which kind, such as `Sessions` */
export async function forgetExpiredByKind({
  db,
  config,
  now,
}: Deps): Promise<Record<string, number>> {
  const at = now();
  const attemptsKept = Math.max(config.attempts.windowMs, 60_000);
  const purges: [(db: Db, before: Date, limit: number) => Promise<number>, Date][] = [
    [purgeRateLimitHits, at],
    [purgeLoginChallenges, at],
    [purgeTotpEnrolments, at],
    [purgeAttemptCounters, new Date(at.getTime() - attemptsKept)],
    [purgeSessions, new Date(at.getTime() - SESSION_KEPT_MS)],
    [purgeMails, new Date(at.getTime() - config.mail.retentionMs)],
    [purgeEvents, new Date(at.getTime() - config.audit.retentionMs)],
  ];
  const forgotten: Record<string, number> = {};
  for (const [purge, before] of purges) {
    const kind = purge.name.replace(/^purge/, '');
    forgotten[kind] = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      const deleted = await purge(db, before, BATCH);
      forgotten[kind] += deleted;
      if (deleted < BATCH) break;
    }
  }
  return forgotten;
}
