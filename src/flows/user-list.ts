import type { UserFilter } from '../records/user-list.ts';
import { countFound } from '../records/user-search.ts';
import type { Deps } from './deps.ts';

/**
 * How many users match a filter. Without a search, this is one of the figures, so it may be up to a minute old in a
 * large installation. With a search, every user is read.
 */
export async function countUsers(
  { db, figures }: Deps,
  filter: UserFilter & { search?: string | undefined },
): Promise<number> {
  const { search, role, status } = filter;
  if (search !== undefined) return countFound(db, { ...filter, search });
  const counted = await figures.userCounts();
  return counted.figures
    .filter((group) => (role ?? group.role) === group.role)
    .filter((group) => (status ?? group.status) === group.status)
    .reduce((sum, group) => sum + group.users, 0);
}
