import { and, desc, eq, gte, isNotNull, like, lt, or, type SQL } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { users } from '../db/schema.ts';
import { identifierKey, type Role, type User, type UserStatus, userColumns } from './user.ts';

/** Which users are meant; what is left out does not matter. */
export interface UserFilter {
  search?: string | undefined;
  role?: Role | undefined;
  status?: UserStatus | undefined;
}

/** Users from the newest to the oldest, those created before the user `after`. */
export async function listUsers(
  db: Db,
  filter: UserFilter,
  page: { limit: number; after: string | null },
): Promise<User[]> {
  return db
    .select(userColumns)
    .from(users)
    .where(and(matches(filter), page.after === null ? undefined : lt(users.id, page.after)))
    .orderBy(desc(users.id))
    .limit(page.limit);
}

export async function countUsers(db: Db, filter: UserFilter): Promise<number> {
  return db.$count(users, matches(filter));
}

export async function countUsersWithTotp(db: Db): Promise<number> {
  return db.$count(users, isNotNull(users.totpSecret));
}

export async function countUsersCreatedSince(db: Db, since: Date): Promise<number> {
  return db.$count(users, gte(users.createdAt, since));
}

function matches(filter: UserFilter): SQL | undefined {
  return and(
    filter.role === undefined ? undefined : eq(users.role, filter.role),
    filter.status === undefined ? undefined : eq(users.status, filter.status),
    filter.search === undefined ? undefined : contains(filter.search),
  );
}

function contains(text: string): SQL | undefined {
  const literal = (part: string) => `%${part.replace(/[\\%_]/g, '\\$&')}%`;
  const key = literal(identifierKey(text));
  return or(
    like(users.emailKey, key),
    like(users.usernameKey, key),
    like(users.displayName, literal(text.trim())),
  );
}
