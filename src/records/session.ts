import {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  inArray,
  isNotNull,
  isNull,
  lte,
  max,
  or,
  type SQL,
  sql,
  sum,
} from 'drizzle-orm';
import type { Client } from '../client.ts';
import { affectedRows, type Db } from '../db/client.ts';
import { builtForLists, insertBuiltOnce, listed, placeholder } from '../db/prepared-query.ts';
import { sessions, users } from '../db/schema.ts';
import { type User, userColumns } from './user.ts';

export type Session = typeof sessions.$inferSelect;

/** A session and its user. */
export interface SessionWithUser {
  session: Session;
  user: User;
}

/** The condition that a session is one of a list, for `builtForLists`. */
export const isAmong = (length: number) =>
  sql`${sessions.id} in (${sql.join(listed('id', sessions.id, length), sql`, `)})`;

const selectWithUser = builtForLists((db, length) =>
  db
    .select({ session: sessions, user: userColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(isAmong(length))
    .prepare(),
);

export async function findSession(db: Db, id: string): Promise<SessionWithUser | null> {
  return (await findSessions(db, [id])).get(id) ?? null;
}

/**
 * Finds sessions in one query.
 *
 * @param ids at least one, and at most `LONGEST_LIST`
 * @returns the sessions by id; those that do not exist are missing
 */
export async function findSessions(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SessionWithUser>> {
  const found = await selectWithUser(db).execute(ids.map((id) => ({ id })));
  return new Map(found.map((row) => [row.session.id, row]));
}

const selectLiveUsers = builtForLists((db, length) =>
  db
    .select({ sessionId: sessions.id, user: userColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        isAmong(length),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, placeholder('now', sessions.expiresAt)),
        eq(users.status, 'ACTIVE'),
      ),
    )
    .prepare(),
);

/**
 * The users of sessions that are live, as defined by `isLive`. Every signed-in request asks this, so the database
 * applies the conditions, and no column is read only for them.
 *
 * @param ids at least one, and at most `LONGEST_LIST`
 * @returns the users by session id; sessions that are not live are missing
 */
export async function findLiveUsers(
  db: Db,
  ids: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, User>> {
  const found = await selectLiveUsers(db).execute(
    ids.map((id) => ({ id })),
    { now },
  );
  return new Map(found.map(({ sessionId, user }) => [sessionId, user]));
}

/** Whether the session may still be used, and its user may still sign in. */
export function isLive({ session, user }: SessionWithUser, now: Date): boolean {
  return session.endedAt === null && session.expiresAt > now && user.status === 'ACTIVE';
}

/** Whether a session is live. Its row stays locked until the transaction ends, so that nobody can end it before. */
export async function isHeldSession(tx: Db, id: string, now: Date): Promise<boolean> {
  const rows = await tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
    .for('update');
  return rows.length === 1;
}

/** What a new session is made of. */
export interface NewSession {
  id: string;
  userId: string;
  nonce: Buffer;
  remembered: boolean;
  cookies: boolean;
  amr: readonly string[];
  expiresAt: Date;
  absoluteExpiresAt: Date;
  client: Client;
  now: Date;
}

const insert = insertBuiltOnce(sessions);

export async function insertSession(db: Db, given: NewSession): Promise<Session> {
  const { client, now, amr, ...row } = given;
  const session: Session = {
    ...row,
    amr: amr.join(' '),
    generation: 0,
    rotatedAt: now,
    authenticatedAt: now,
    createdAt: now,
    lastUsedAt: now,
    endedAt: null,
    endReason: null,
    ipAddress: client.ipAddress,
    userAgent: client.userAgent,
  };
  await insert(db).execute(session);
  return session;
}

/** A user's sessions that are neither ended nor expired. */
export function liveOf(userId: string | SQL, now: Date | SQL): SQL | undefined {
  return and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now));
}

/** The live sessions of a user, the newest first. */
export async function listSessions(db: Db, userId: string, now: Date): Promise<Session[]> {
  return db
    .select()
    .from(sessions)
    .where(liveOf(userId, now))
    .orderBy(desc(sessions.createdAt), desc(sessions.id));
}

/**
 * Counts the live sessions.
 *
 * @param slice how many different times of expiry one statement counts: millions of sessions at once would take longer
 *   than a statement may
 */
export async function countLiveSessions(db: Db, now: Date, slice = 250_000): Promise<number> {
  let counted = 0;
  let after = now;
  for (;;) {
    const { live, last } = await countLiveSlice(db, after, slice);
    counted += live;
    if (last === null || live < slice) return counted;
    after = last;
  }
}

async function countLiveSlice(db: Db, after: Date, slice: number) {
  const { expiresAt, endedAt } = sessions;
  // grouped by time of expiry, so that a slice never ends between two sessions that expire at the same time
  const instants = db
    .select({ expiresAt, alike: count().as('alike') })
    // a covering index, in this order
    .from(sessions, { forceIndex: 'sessions_expiry_index' })
    .where(and(gt(expiresAt, after), isNull(endedAt)))
    .groupBy(expiresAt)
    .orderBy(expiresAt)
    .limit(slice)
    .as('instants');
  const [found] = await db
    .select({ live: sum(instants.alike).mapWith(Number), last: max(instants.expiresAt) })
    .from(instants);
  return { live: found?.live ?? 0, last: found?.last ?? null };
}

/** Deletes sessions that ended or expired before a time, at most `limit` of each. */
export async function purgeSessions(db: Db, before: Date, limit: number): Promise<number> {
  let purged = 0;
  // one after the other, each through the index that begins with its column
  for (const over of [sessions.endedAt, sessions.expiresAt]) {
    const result = await db
      .delete(sessions)
      .where(lte(over, before))
      .orderBy(asc(over))
      .limit(limit);
    purged += affectedRows(result);
  }
  return purged;
}

/**
 * Deletes sessions of a user that are over, at most `limit` of them: expired ones first, then those that ended first.
 */
export async function forgetOldestSessions(
  db: Db,
  userId: string,
  now: Date,
  limit: number,
): Promise<void> {
  const isOver = or(isNotNull(sessions.endedAt), lte(sessions.expiresAt, now));
  const oldest = await db
    .select({ id: sessions.id })
    // left to choose, a server may scan the sessions of all users
    .from(sessions, { forceIndex: 'sessions_user_index' })
    .where(and(eq(sessions.userId, userId), isOver))
    .orderBy(asc(sessions.endedAt), asc(sessions.createdAt))
    .limit(limit);
  if (oldest.length === 0) return;
  const ids = oldest.map(({ id }) => id);
  await db.delete(sessions).where(inArray(sessions.id, ids));
}
