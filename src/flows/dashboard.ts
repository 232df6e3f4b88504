import type { UserCounts } from '../records/user-list.ts';
import type { Deps } from './deps.ts';
import type { Activity } from './steps/figures.ts';

/** The service in figures. */
export interface Dashboard extends Activity {
  users: number;
  admins: number;
  disabledUsers: number;
  /** When the oldest of these figures was counted. */
  asOf: Date;
}

export async function readDashboard({ figures }: Deps): Promise<Dashboard> {
  const [users, activity] = await Promise.all([figures.userCounts(), figures.activity()]);
  const count = (isMeant: (group: UserCounts[number]) => boolean) =>
    users.figures.filter(isMeant).reduce((sum, group) => sum + group.users, 0);
  return {
    ...activity.figures,
    users: count(() => true),
    admins: count(({ role }) => role === 'ADMIN'),
    disabledUsers: count(({ status }) => status === 'DISABLED'),
    asOf: new Date(Math.min(users.at.getTime(), activity.at.getTime())),
  };
}
