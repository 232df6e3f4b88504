import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { LONGEST_LIST } from '../../src/db/prepared-query.ts';
import { findSession, type Session } from '../../src/records/session.ts';
import { endSession } from '../../src/records/session-end.ts';
import {
  type Rotation,
  rotateSession,
  rotateSessions,
} from '../../src/records/session-rotation.ts';
import { idBytes, idOf, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const MINUTE_MS = 60_000;
// no browser, the longest there is, and what takes four bytes a character
const USER_AGENTS = [null, 'x'.repeat(255), '🦊'.repeat(20), "'; -- ", 'Firefox'];

let app: TestApp;
let db: Db;
beforeAll(async () => {
  app = await createTestApp();
  db = app.app.deps.db;
});
afterAll(() => app.close());

async function openSessions(count: number): Promise<Session[]> {
  const users = await Promise.all(Array.from({ length: count }, () => registerUser(app)));
  return Promise.all(users.map(({ id }) => sessionOf(id)));
}

async function sessionOf(userId: string): Promise<Session> {
  const sql = 'select id from sessions where user_id = ?';
  const [row] = await runSql<{ id: Buffer }>(app.databaseUrl, sql, [idBytes(userId)]);
  return read(idOf(row?.id));
}

async function read(id: string): Promise<Session> {
  const found = await findSession(db, id);
  if (found === null) throw new Error(`There is no session ${id}`);
  return found.session;
}

/** Each from elsewhere, at another time, and for another while. */
function rotationOf({ id, generation }: Session, index: number): Rotation {
  const now = new Date(app.clock.now().getTime() + index * 7);
  return {
    id,
    generation,
    expiresAt: new Date(now.getTime() + (index + 1) * MINUTE_MS),
    client: {
      ipAddress: index % 4 === 3 ? null : `2001:db8::${index}`,
      userAgent: USER_AGENTS[index % USER_AGENTS.length] ?? null,
      requestId: null,
    },
    now,
  };
}

const changedBy = ({ generation, expiresAt, client, now }: Rotation) => ({
  generation: generation + 1,
  expiresAt,
  rotatedAt: now,
  lastUsedAt: now,
  ipAddress: client.ipAddress,
  userAgent: client.userAgent,
});

describe('rotateSessions', () => {
  it.each([2, 3, 5, LONGEST_LIST])(
    'moves %i sessions on, each by what is its own',
    async (count) => {
      const sessions = await openSessions(count);
      const [bystander] = await openSessions(1);
      const rotations = sessions.map(rotationOf);
      expect(await rotateSessions(db, rotations)).toBe(true);
      for (const [index, session] of sessions.entries()) {
        const rotation = rotations[index] as Rotation;
        expect(await read(session.id)).toEqual({ ...session, ...changedBy(rotation) });
      }
      expect(await read(bystander?.id ?? '')).toEqual(bystander);
    },
  );

  const SPOILERS: Record<string, (session: Session, rotation: Rotation) => Promise<unknown>> = {
    'has ended': ({ id }) => endSession(db, id, 'LOGOUT', app.clock.now()),
    'has expired': async ({ expiresAt }, rotation) => {
      rotation.now = expiresAt;
    },
    'is a generation further': (_session, rotation) =>
      rotateSession(db, { ...rotation }, MINUTE_MS),
    'is not there': async ({ id }) =>
      runSql(app.databaseUrl, 'delete from sessions where id = ?', [idBytes(id)]),
  };

  it.each(Object.entries(SPOILERS))(
    'says that not all were moved when one %s, and leaves that one alone',
    async (_what, spoil) => {
      const sessions = await openSessions(3);
      const rotations = sessions.map(rotationOf);
      const [, spoiled] = sessions as [Session, Session, Session];
      await spoil(spoiled, rotations[1] as Rotation);
      const before = await findSession(db, spoiled.id);
      expect(await rotateSessions(db, rotations)).toBe(false);
      expect(await findSession(db, spoiled.id)).toEqual(before);
      for (const index of [0, 2]) {
        const [session, rotation] = [sessions[index] as Session, rotations[index] as Rotation];
        expect(await read(session.id)).toMatchObject(changedBy(rotation));
        // and the decision that follows gives it the same successor, with no grace at all too
        expect(await rotateSession(db, rotation, 0)).toBe(true);
        expect(await read(session.id)).toMatchObject(changedBy(rotation));
      }
    },
  );

  it('moves a session once that is given twice, and says so', async () => {
    const [session] = (await openSessions(1)) as [Session];
    const rotation = rotationOf(session, 1);
    expect(await rotateSessions(db, [rotation, rotation])).toBe(false);
    expect(await read(session.id)).toMatchObject(changedBy(rotation));
  });
});
