import { validate as isUuid } from 'uuid';
import type { User } from '../records/user.ts';
import type { UserFilter } from '../records/user-list.ts';
import { isSearchRound, type SearchPosition, searchUsers } from '../records/user-search.ts';
import { foreignCursor, type Page, type PageArguments, pageSize } from './connection.ts';
import type { Context } from './context.ts';

/**
 * Reads one page of a search.
 *
 * @throws {RequestError} BAD_USER_INPUT when `first` is out of range or `after` is not a cursor
 */
export async function readSearchPage(
  { deps: { db } }: Context,
  { first, after }: PageArguments,
  filter: UserFilter & { search: string },
): Promise<Page<User>> {
  const { found, next } = await searchUsers(db, filter, {
    limit: pageSize(first),
    after: after == null ? null : positionOf(after),
  });
  return {
    edges: found.map(({ user, position }) => ({ node: user, cursor: cursorOf(position) })),
    hasNextPage: next !== null,
    hasPreviousPage: after != null,
    endCursor: next === null ? lastCursor(found) : cursorOf(next),
  };
}

function lastCursor(found: { position: SearchPosition }[]): string | null {
  const last = found.at(-1);
  return last === undefined ? null : cursorOf(last.position);
}

function cursorOf({ round, key, id }: SearchPosition): string {
  return Buffer.from(JSON.stringify([round, key, id])).toString('base64url');
}

function positionOf(cursor: string): SearchPosition {
  const [round, key, id] = partsOf(cursor);
  const isPosition =
    isSearchRound(round) && (key === null || typeof key === 'string') && typeof id === 'string';
  if (isPosition && isUuid(id) && cursorOf({ round, key, id }) === cursor)
    return { round, key, id };
  throw foreignCursor();
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return []; // not JSON
  }
}
