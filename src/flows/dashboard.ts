import { countLockedCounters } from '../records/attempt-counter.ts';
import { countEventsSince } from '../records/audit-event.ts';
import { countLiveSessions } from '../records/session.ts';
import { countUsers, countUsersCreatedSince, countUsersWithTotp } from '../records/user-list.ts';
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
  return {
    users: await countUsers(db, {}),
    admins: await countUsers(db, { role: 'ADMIN' }),
    disabledUsers: await countUsers(db, { status: 'DISABLED' }),
    totpUsers: await countUsersWithTotp(db),
    activeSessions: await countLiveSessions(db, at),
    lockedAccounts: await countLockedCounters(db, at),
    registrationsLast24h: await countUsersCreatedSince(db, yesterday),
    loginsLast24h: await countEventsSince(db, 'LOGIN_SUCCEEDED', yesterday),
    failedLoginsLast24h: await countEventsSince(db, 'LOGIN_FAILED', yesterday),
  };
}
