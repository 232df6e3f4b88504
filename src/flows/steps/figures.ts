import type { Db } from '../../db/client.ts';
import { countLockedCounters } from '../../records/attempt-counter.ts';
import { countEventsSince } from '../../records/audit-event.ts';
import { countLiveSessions } from '../../records/session.ts';
import {
  countUsersByGroup,
  countUsersCreatedSince,
  countUsersWithTotp,
  type UserCounts,
} from '../../records/user-list.ts';

/** What is going on, in figures. */
export interface Activity {
  totpUsers: number;
  activeSessions: number;
  lockedAccounts: number;
  registrationsLast24h: number;
  loginsLast24h: number;
  failedLoginsLast24h: number;
}

/** Something counted, and when. */
export interface Counted<T> {
  figures: T;
  at: Date;
}

/** Keeps figures that take long to count; services.ts makes one for the process. */
export interface Figures {
  userCounts(): Promise<Counted<UserCounts>>;
  activity(): Promise<Counted<Activity>>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** From this many rows on, counting takes tens of milliseconds or more. */
const LARGE_ROWS = 50_000;
/** The oldest that figures of a large installation may get. */
const FIGURES_MAX_AGE_MS = 60_000;

export function createFigures(deps: { db: Db; now: () => Date }): Figures {
  const { db, now } = deps;
  return {
    userCounts: keptWhenLarge(now, async () => {
      const groups = await countUsersByGroup(db);
      return { figures: groups, rows: groups.reduce((sum, { users }) => sum + users, 0) };
    }),
    activity: keptWhenLarge(now, async () => {
      const figures = await countActivity(db, now());
      return { figures, rows: Object.values(figures).reduce((sum, rows) => sum + rows, 0) };
    }),
  };
}

async function countActivity(db: Db, at: Date): Promise<Activity> {
  const yesterday = new Date(at.getTime() - DAY_MS);
  return {
    totpUsers: await countUsersWithTotp(db),
    activeSessions: await countLiveSessions(db, at),
    lockedAccounts: await countLockedCounters(db, at),
    registrationsLast24h: await countUsersCreatedSince(db, yesterday),
    loginsLast24h: await countEventsSince(db, 'LOGIN_SUCCEEDED', yesterday),
    failedLoginsLast24h: await countEventsSince(db, 'LOGIN_FAILED', yesterday),
  };
}

/**
 * Counts again at each call while there is little to count. A count of many rows is kept for a minute, and renewed in
 * the background after half of that, so that whoever watches the figures waits only for the first count.
 */
function keptWhenLarge<T>(
  now: () => Date,
  count: () => Promise<{ figures: T; rows: number }>,
): () => Promise<Counted<T>> {
  let kept: Counted<T> | null = null;
  let counting: Promise<Counted<T>> | null = null;
  const countAgain = async () => {
    try {
      const at = now();
      const { figures, rows } = await count();
      const counted = { figures, at };
      kept = rows > LARGE_ROWS ? counted : null;
      return counted;
    } finally {
      counting = null;
    }
  };
  return async () => {
    if (kept === null) return countAgain();
    const ageMs = now().getTime() - kept.at.getTime();
    if (ageMs > FIGURES_MAX_AGE_MS / 2) {
      counting ??= countAgain();
      // a caller that gets the kept figures does not see a failure of the new count; the next one may
      counting.catch(() => {});
      if (ageMs > FIGURES_MAX_AGE_MS) return counting;
    }
    return kept;
  };
}
