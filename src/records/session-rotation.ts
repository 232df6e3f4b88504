import { sql } from 'drizzle-orm';
import type { Client } from '../client.ts';
import type { Db } from '../db/client.ts';
import {
  builtForLists,
  listed,
  placeholder,
  preparedStatement,
  statementBuiltOnce,
} from '../db/prepared-query.ts';
import { sessions } from '../db/schema.ts';
import { isAmong } from './session.ts';

const given = (name: string) => placeholder(name, sessions.rotatedAt);
const bare = (column: { name: string }) => sql.identifier(column.name);
const isCurrent = sql`${sessions.generation} = ${sql.placeholder('generation')}`;
const inGrace = sql`${sessions.generation} = ${sql.placeholder('next')} and ${sessions.rotatedAt} >= ${given('graceStart')}`;

// MySQL assigns from left to right: `generation` comes last, because the others read its old value
const rotate = statementBuiltOnce(sql`
  update ${sessions} set
    ${bare(sessions.rotatedAt)} = if(${isCurrent}, ${given('now')}, ${sessions.rotatedAt}),
    ${bare(sessions.expiresAt)} = if(${isCurrent}, ${given('expiresAt')}, ${sessions.expiresAt}),
    ${bare(sessions.lastUsedAt)} = ${given('now')},
    ${bare(sessions.ipAddress)} = ${sql.placeholder('ipAddress')},
    ${bare(sessions.userAgent)} = ${sql.placeholder('userAgent')},
    ${bare(sessions.generation)} = ${sql.placeholder('next')}
  where ${sessions.id} = ${placeholder('id', sessions.id)}
    and ${sessions.endedAt} is null and ${sessions.expiresAt} > ${given('now')}
    and (${isCurrent} or (${inGrace}))`);

/** A refresh token of one generation, as it was presented. */
export interface Rotation {
  id: string;
  generation: number;
  /** When the session expires from now on. */
  expiresAt: Date;
  client: Client;
  now: Date;
}

/**
 * Moves a session from one generation to the next, or recognises that a concurrent request has just done so. One
 * statement decides: of any number of presentations of one token, one rotates it, and the others, within the grace
 * window, get the same successor.
 *
 * @returns whether generation + 1 is now in use, and may be given to whoever presents `generation`
 */
export async function rotateSession(db: Db, rotation: Rotation, graceMs: number): Promise<boolean> {
  const { id, generation, expiresAt, client, now } = rotation;
  const { ipAddress, userAgent } = client;
  const graceStart = new Date(now.getTime() - graceMs);
  const next = generation + 1;
  const values = { id, generation, next, graceStart, expiresAt, ipAddress, userAgent, now };
  const [result] = await rotate(db).execute(values);
  return result.affectedRows === 1;
}

const rotateAll = builtForLists((db, length) => {
  const ids = listed('id', sessions.id, length);
  // the value given for the session of this row; if it was given twice, the first one
  const its = (name: string, column: Parameters<typeof listed>[1]) => {
    const values = listed(name, column, length);
    const cases = ids.map((id, index) => sql`when ${id} then ${values[index]}`);
    return sql`case ${sessions.id} ${sql.join(cases, sql` `)} end`;
  };
  return preparedStatement(
    db,
    // by the primary key, so that all statements lock rows in the same order, and only these rows
    sql`
      update ${sessions} force index (primary) set
        ${bare(sessions.rotatedAt)} = ${its('now', sessions.rotatedAt)},
        ${bare(sessions.expiresAt)} = ${its('expiresAt', sessions.expiresAt)},
        ${bare(sessions.lastUsedAt)} = ${its('now', sessions.lastUsedAt)},
        ${bare(sessions.ipAddress)} = ${its('ipAddress', sessions.ipAddress)},
        ${bare(sessions.userAgent)} = ${its('userAgent', sessions.userAgent)},
        ${bare(sessions.generation)} = ${sessions.generation} + 1
      where ${isAmong(length)}
        and ${sessions.generation} = ${its('generation', sessions.generation)}
        and ${sessions.endedAt} is null and ${sessions.expiresAt} > ${its('now', sessions.expiresAt)}`,
  );
});

/**
 * Rotates several sessions by one statement, as far as they are still at the presented generations.
 *
 * @param rotations at most `LONGEST_LIST`
 * @returns whether all of them were rotated. If not, it does not tell which. `rotateSession` does, and gives those that
 *   were rotated the same successor, because they are within the grace window.
 */
export async function rotateSessions(db: Db, rotations: readonly Rotation[]): Promise<boolean> {
  const items = rotations.map(({ client: { ipAddress, userAgent }, ...rotation }) => ({
    ...rotation,
    ipAddress,
    userAgent,
  }));
  const [result] = await rotateAll(db).execute(items);
  return result.affectedRows === rotations.length;
}
