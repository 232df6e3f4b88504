import { and, count, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { users } from '../db/schema.ts';
import { type Role, type User, type UserStatus, userColumns } from './user.ts';

/** Which users are meant; what is left out matches everybody. */
export interface UserFilter {
  role?: Role | undefined;
  status?: UserStatus | undefined;
}

/** Users from the newest to the oldest, beginning after the user `after`. */
export async function listUsers(
  db: Db,
  filter: UserFilter,
  page: { limit: number; after: string | null },
): Promise<User[]> {
  return (
    db
      .select(userColumns)
      // index forced: because of the LIMIT, the server may prefer to scan all users for the few that match
      .from(users, { forceIndex: indexOf(filter) })
      .where(and(inGroup(filter), page.after === null ? undefined : lt(users.id, page.after)))
      .orderBy(desc(users.id))
      .limit(page.limit)
  );
}

/** The index that holds exactly these users, in the order of their ids. */
export function indexOf({ role, status }: UserFilter): string {
  if (role !== undefined && status !== undefined) return 'users_role_status_index';
  if (role !== undefined) return 'users_role_index';
  return status !== undefined ? 'users_status_index' : 'PRIMARY';
}

export function inGroup({ role, status }: UserFilter): SQL | undefined {
  return and(
    role === undefined ? undefined : eq(users.role, role),
    status === undefined ? undefined : eq(users.status, status),
  );
}

/** How many users have which role and status. */
export type UserCounts = { role: Role; status: UserStatus; users: number }[];

export async function countUsersByGroup(db: Db): Promise<UserCounts> {
  return db
    .select({ role: users.role, status: users.status, users: count() })
    .from(users)
    .groupBy(users.role, users.status);
}

export async function countUsersWithTotp(db: Db): Promise<number> {
  return db.$count(users, eq(users.totpEnabled, true));
}

export async function countUsersCreatedSince(db: Db, since: Date): Promise<number> {
  return db.$count(users, gte(users.createdAt, since));
}
