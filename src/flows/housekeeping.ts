import { setTimeout as delay } from 'node:timers/promises';
import { purgeAttemptCounters } from '../records/attempt-counter.ts';
import { purgeEvents } from '../records/audit-event.ts';
import { type EmailTokenPurpose, purgeEmailTokens } from '../records/email-token.ts';
import { findLease, finishRun, giveLeaseUp, takeLease } from '../records/job-lease.ts';
import { purgeLoginChallenges } from '../records/login-challenge.ts';
import { purgeMails } from '../records/mail-delivery.ts';
import { purgePendingRegistrations } from '../records/pending-registration.ts';
import { findHitsBeyond, purgeRateLimitHits } from '../records/rate-limit-hit.ts';
import { purgeSessions } from '../records/session.ts';
import { purgeTotpEnrolments } from '../records/totp.ts';
import type { Deps } from './deps.ts';
import { continueErasures } from './steps/erasure.ts';

/** Deletes what has expired. Of any number of instances on one database, one does it for all. */
export interface Housekeeping {
  /** @returns how many rows were deleted; `null` when it is another instance's turn */
  run(): Promise<number | null>;
  /** Whether it was this instance's turn when it last asked. */
  isOurs(): boolean;
  /** When a run was last completed, on whichever instance; `null` if none ever was. */
  finishedAt(): Promise<Date | null>;
  /** Ends a run after its current batch, and lets another instance go ahead. */
  close(): Promise<void>;
}

const JOB = 'housekeeping';
// longer than the time between two runs, so that the job stays with one instance while that lives
const LEASE_MS = 180_000;
const RENEWAL_MS = 20_000;
// small enough for a replica, or the other nodes of a cluster, to apply before anybody notices
const BATCH = 500;
const SHORTEST_REST_MS = 10;
// so that people can look up in their data export who was signed in to their account
const SESSION_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
// once its link has expired, a registration serves only to give its owner a better answer at sign-in
const UNCONFIRMED_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
const LINKS: readonly EmailTokenPurpose[] = [
  'VERIFY_EMAIL',
  'CHANGE_EMAIL',
  'UNDO_EMAIL_CHANGE',
  'RESET_PASSWORD',
  'INVITATION',
];

/** @param instance a name that no other instance has */
export function createHousekeeping(deps: Deps, instance: string): Housekeeping {
  const { db, now } = deps;
  const closing = new AbortController();
  let isOurs = false;

  /** An instance that stood still beyond its lease may run one more batch beside its successor, which does no harm. */
  async function take(): Promise<boolean> {
    const at = now();
    const until = new Date(at.getTime() + LEASE_MS);
    isOurs = await takeLease(db, JOB, { by: instance, now: at, until });
    return isOurs;
  }

  async function run(): Promise<number | null> {
    if (closing.signal.aborted || !(await take())) return null;
    let renewedAt = performance.now();
    const mayGoOn = async () => {
      if (performance.now() - renewedAt < RENEWAL_MS) return isOurs;
      renewedAt = performance.now();
      return take();
    };
    const { tally, isComplete } = await forgetInBatches(deps, { mayGoOn, signal: closing.signal });
    // a run that was cut short has left rows behind, and must not look complete
    if (isComplete) await finishRun(db, JOB, now());
    return Object.values(tally).reduce((total, rows) => total + rows, 0);
  }

  let running: Promise<unknown> = Promise.resolve();
  return {
    run() {
      const outcome = run();
      running = outcome.catch(() => undefined);
      return outcome;
    },
    isOurs: () => isOurs,
    finishedAt: async () => (await findLease(db, JOB))?.finishedAt ?? null,
    async close() {
      closing.abort();
      await running;
      if (!isOurs) return;
      isOurs = false;
      // if this fails, the lease expires by itself
      await giveLeaseUp(db, JOB, instance, now()).catch(() => undefined);
    },
  };
}

/**
 * Deletes what has expired, whoever's turn it is.
 *
 * @returns how many rows of which kind, such as `sessions`
 */
export async function forgetExpiredByKind(deps: Deps): Promise<Tally> {
  return (await forgetInBatches(deps, { mayGoOn: async () => true })).tally;
}

type Tally = Record<string, number>;
type Purge = (limit: number) => Promise<number>;

function purgesOf(deps: Deps): Record<string, Purge> {
  const { db, config, now } = deps;
  const at = now();
  const ago = (ms: number) => new Date(at.getTime() - ms);
  // a lock begins a little after the attempt that caused it
  const attemptsKept = config.attempts.windowMs + 60_000;
  let beyond: Promise<Date | null> | undefined;
  return {
    rateLimitHits: (limit) => purgeRateLimitHits(db, at, limit),
    async rateLimitHitsBeyond(limit) {
      beyond ??= findHitsBeyond(db, config.rateLimit.rows);
      const cut = await beyond;
      return cut === null ? 0 : purgeRateLimitHits(db, cut, limit);
    },
    loginChallenges: (limit) => purgeLoginChallenges(db, at, limit),
    async emailTokens(limit) {
      let purged = 0;
      for (const purpose of LINKS) purged += await purgeEmailTokens(db, purpose, at, limit);
      return purged;
    },
    registrations: (limit) => purgePendingRegistrations(db, ago(UNCONFIRMED_KEPT_MS), limit),
    totpEnrolments: (limit) => purgeTotpEnrolments(db, at, limit),
    attemptCounters: (limit) => purgeAttemptCounters(db, ago(attemptsKept), limit),
    sessions: (limit) => purgeSessions(db, ago(SESSION_KEPT_MS), limit),
    erasedEvents: (limit) => continueErasures(deps, limit),
    auditEvents: (limit) => purgeEvents(db, ago(config.audit.retentionMs), limit),
    mails: (limit) => purgeMails(db, ago(config.mail.retentionMs), limit),
  };
}

/**
 * Deletes a batch of each kind in turn until nothing is left. After a full batch it rests for as long as the batch
 * took, so that it uses at most half of one connection, however much there is to delete. A kind that fails does not
 * stop the others.
 *
 * @returns how many rows of which kind were deleted, and whether the run was completed
 * @throws the first failure, after all other kinds are done
 */
async function forgetInBatches(
  deps: Deps,
  { mayGoOn, signal }: { mayGoOn: () => Promise<boolean>; signal?: AbortSignal },
): Promise<{ tally: Tally; isComplete: boolean }> {
  const tally: Tally = {};
  const failures: unknown[] = [];
  let purges = Object.entries(purgesOf(deps));
  while (purges.length > 0) {
    const unfinished: typeof purges = [];
    for (const [kind, purge] of purges) {
      if (signal?.aborted || !(await mayGoOn())) return { tally, isComplete: false };
      const startedAt = performance.now();
      const rows = await purge(BATCH).catch((error: unknown) => {
        failures.push(error);
        return 0;
      });
      tally[kind] = (tally[kind] ?? 0) + rows;
      if (rows < BATCH) continue;
      unfinished.push([kind, purge]);
      await rest(performance.now() - startedAt, signal);
    }
    purges = unfinished;
  }
  if (failures.length > 0) throw failures[0];
  return { tally, isComplete: true };
}

async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  // the end of the service cuts the rest short, which is no failure
  const options = signal && { signal };
  await delay(Math.max(ms, SHORTEST_REST_MS), undefined, options).catch(() => undefined);
}
