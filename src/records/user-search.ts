import { and, asc, desc, eq, gt, gte, like, lt, not, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { users } from '../db/schema.ts';
import { identifierKey, type User, userColumns } from './user.ts';
import { indexOf, inGroup, type UserFilter } from './user-list.ts';

/** A position in a search: a round, and the row in it after which to go on. */
export interface SearchPosition {
  round: number;
  /**
   * That row's value in the column that sorts the round; null in the round sorted by id alone, and at a round's
   * beginning.
   */
  key: string | null;
  /** Null at the beginning of a round. */
  id: string | null;
}

export interface SearchPage {
  found: { user: User; position: SearchPosition }[];
  /** Where to go on; null when there is nothing more. */
  next: SearchPosition | null;
}

/**
 * The rounds of a search, each over an index of its own: first the users whose e-mail address begins with the text,
 * then those whose username does, and so on. Later rounds leave out what earlier ones have found. After these comes a
 * last round without a column, which reads users one by one, newest first, for those that contain the text anywhere
 * else.
 */
const ROUNDS = [
  {
    column: users.emailKey,
    index: 'users_email_key_unique',
    isUnique: true,
    spelled: identifierKey,
  },
  {
    column: users.usernameKey,
    index: 'users_username_key_unique',
    isUnique: true,
    spelled: identifierKey,
  },
  {
    column: users.displayName,
    index: 'users_display_name_index',
    isUnique: false,
    spelled: (text: string) => text.trim(),
  },
  {
    column: users.lastName,
    index: 'users_last_name_index',
    isUnique: false,
    spelled: (text: string) => text.trim(),
  },
  {
    column: users.emailDomain,
    index: 'users_email_domain_index',
    isUnique: false,
    spelled: identifierKey,
  },
] as const;
const ONE_BY_ONE = ROUNDS.length;
const START: SearchPosition = { round: 0, key: null, id: null };

/** How many rows a page reads in one round before it ends unfilled, so that no page takes long. */
const ROWS_BY_INDEX = 2000;
const ROWS_ONE_BY_ONE = 2500;

/**
 * A page of the users whose e-mail address, username or display name contains a text. It costs about the same whatever
 * is searched for, and however many users there are. When few of many users contain the text, in the middle of a word,
 * pages come back short or empty, and `next` continues where the page stopped looking.
 */
export async function searchUsers(
  db: Db,
  filter: UserFilter & { search: string },
  page: { limit: number; after: SearchPosition | null },
): Promise<SearchPage> {
  const found: SearchPage['found'] = [];
  // few users are administrators or disabled, so that reading each of them is faster than any index
  const isNarrow = filter.role === 'ADMIN' || filter.status === 'DISABLED';
  let position = page.after ?? (isNarrow ? { ...START, round: ONE_BY_ONE } : START);
  let matching: Set<Round> | null = null;
  while (found.length <= page.limit) {
    const limit = page.limit + 1 - found.length;
    const searching = { filter, after: position, limit, isNarrow };
    const round = ROUNDS[position.round];
    if (round !== undefined && position.id === null) {
      matching ??= await matchingRounds(db, filter);
      if (!matching.has(round)) {
        position = { ...START, round: position.round + 1 };
        continue;
      }
    }
    const finding = await (round === undefined
      ? searchOneByOne(db, searching)
      : searchByIndex(db, round, searching));
    found.push(...finding.found);
    if (found.length > page.limit) break;
    if (finding.stoppedAt !== null) return { found, next: finding.stoppedAt };
    if (round === undefined) return { found, next: null };
    position = { ...START, round: position.round + 1 };
  }
  const shown = found.slice(0, page.limit);
  return { found: shown, next: shown.at(-1)?.position ?? null };
}

/** Whether a search has a round of this number. */
export function isSearchRound(round: unknown): round is number {
  return Number.isInteger(round) && Number(round) >= 0 && Number(round) <= ONE_BY_ONE;
}

/** How many users match in all. It reads every user, which takes a second or two for a million. */
export async function countFound(db: Db, filter: UserFilter & { search: string }): Promise<number> {
  return db.$count(users, and(inGroup(filter), holds(filter)));
}

type Round = (typeof ROUNDS)[number];

/** The rounds that find anybody. Most texts match in one or two, and running every round would take longer. */
async function matchingRounds(db: Db, filter: { search: string }): Promise<Set<Round>> {
  const answers = ROUNDS.map(
    (round) =>
      sql`exists(select 1 from ${users} force index (${sql.identifier(round.index)}) where ${like(round.column, beginning(filter, round))}) as ${sql.identifier(round.index)}`,
  );
  const [rows] = await db.execute(sql`select ${sql.join(answers, sql`, `)}`);
  const [found] = rows as unknown as [Record<Round['index'], number>];
  return new Set(ROUNDS.filter((round) => found[round.index] === 1));
}

/** The result of one round. */
interface Finding {
  found: SearchPage['found'];
  /** The last row that was read; null if the round has come to its end. */
  stoppedAt: SearchPosition | null;
}

interface Searching {
  filter: UserFilter & { search: string };
  after: SearchPosition;
  limit: number;
  isNarrow: boolean;
}

async function searchByIndex(db: Db, round: Round, searching: Searching): Promise<Finding> {
  const { filter, after, limit } = searching;
  const range = and(like(round.column, beginning(filter, round)), isAfter(round, after));
  const columns = { key: sql<string>`${round.column}`, id: users.id };
  // a unique column needs no second sort key, which would make the server sort all the rows
  const order = round.isUnique ? [asc(round.column)] : [asc(round.column), asc(users.id)];
  const [last] = await db
    .select(columns)
    .from(users, { forceIndex: round.index })
    .where(range)
    .orderBy(...order)
    .limit(1)
    .offset(ROWS_BY_INDEX - 1);
  const rows = await db
    .select({ user: userColumns, key: columns.key })
    .from(users, { forceIndex: round.index })
    .where(
      and(
        range,
        last && not(isAfter(round, last) ?? sql`false`),
        shownBefore(filter, after.round),
        inGroup(filter),
      ),
    )
    .orderBy(...order)
    .limit(limit);
  return {
    found: rows.map(({ user, key }) => ({
      user,
      position: { round: after.round, key, id: user.id },
    })),
    stoppedAt: last === undefined ? null : { round: after.round, ...last },
  };
}

async function searchOneByOne(db: Db, searching: Searching): Promise<Finding> {
  const { filter, after, limit, isNarrow } = searching;
  const range = and(
    isNarrow ? inGroup(filter) : undefined,
    after.id === null ? undefined : lt(users.id, after.id),
  );
  const forceIndex = isNarrow ? indexOf(filter) : 'PRIMARY';
  const [last] = await db
    .select({ id: users.id })
    .from(users, { forceIndex })
    .where(range)
    .orderBy(desc(users.id))
    .limit(1)
    .offset(ROWS_ONE_BY_ONE - 1);
  const rows = await db
    .select(userColumns)
    .from(users, { forceIndex })
    .where(
      and(
        range,
        last && gte(users.id, last.id),
        holds(filter),
        isNarrow ? undefined : shownBefore(filter, ONE_BY_ONE),
        inGroup(filter),
      ),
    )
    .orderBy(desc(users.id))
    .limit(limit);
  const at = (id: string) => ({ round: ONE_BY_ONE, key: null, id });
  return {
    found: rows.map((user) => ({ user, position: at(user.id) })),
    stoppedAt: last === undefined ? null : at(last.id),
  };
}

function isAfter(round: Round, { key, id }: { key: string | null; id: string | null }) {
  if (key === null || id === null) return undefined;
  const { column } = round;
  if (round.isUnique) return gt(column, key);
  return or(gt(column, key), and(eq(column, key), gt(users.id, id)));
}

/** Leaves out what earlier rounds have found. */
function shownBefore(filter: { search: string }, round: number): SQL | undefined {
  return and(
    ...ROUNDS.slice(0, round).map(
      (earlier) =>
        sql`coalesce(${like(earlier.column, beginning(filter, earlier))}, false) = false`,
    ),
  );
}

function beginning({ search }: { search: string }, round: Round): string {
  return `${literal(round.spelled(search))}%`;
}

function holds({ search }: { search: string }): SQL | undefined {
  const key = `%${literal(identifierKey(search))}%`;
  return or(
    like(users.emailKey, key),
    like(users.usernameKey, key),
    like(users.displayName, `%${literal(search.trim())}%`),
  );
}

/** Escapes the wildcards of LIKE. */
function literal(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
