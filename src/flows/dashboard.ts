import { countLockedCounters } from '../records/attempt-counter.ts';
import { countEventsSince } from '../records/audit-event.ts';
import { countLiveSessions } from '../records/session.ts';
import { countUsers, countUsersCreatedSince, countUsersWithTotp } from '../records/user.ts';
import type { Deps } from './deps.ts';

/** The service in figures. */
export interface Dashboard {
  users: number;
  admins: number;
  disabledUsers: number;
  totpUsers: number;
  activeSessions: number;
  lockedAccounts: number;
  registrationsLast24h: number;
  loginsLast24h: number;
  failedLoginsLast24h: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export async function readDashboard({ db, now }: Deps): Promise<Dashboard> {
  const at = now();
  const yesterday = new Date(at.getTime() - DAY_MS);
  const [
    users,
    admins,
    disabledUsers,
    totpUsers,
    activeSessions,
    lockedAccounts,
    registrationsLast24h,
    loginsLast24h,
    failedLoginsLast24h,
  ] = await Promise.all([
    countUsers(db, {}),
    countUsers(db, { role: 'ADMIN' }),
    countUsers(db, { status: 'DISABLED' }),
    countUsersWithTotp(db),
    countLiveSessions(db, at),
    countLockedCounters(db, at),
    countUsersCreatedSince(db, yesterday),
    countEventsSince(db, 'LOGIN_SUCCEEDED', yesterday),
    countEventsSince(db, 'LOGIN_FAILED', yesterday),
  ]);
  return {
    users,
    admins,
    disabledUsers,
    totpUsers,
    activeSessions,
    lockedAccounts,
    registrationsLast24h,
    loginsLast24h,
    failedLoginsLast24h,
  };
}
