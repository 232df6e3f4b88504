import DataLoader from 'dataloader';
import type { Db } from '../../db/client.ts';
import { LONGEST_LIST } from '../../db/prepared-query.ts';
import { repeating } from '../../db/retry.ts';
import { findLiveUsers, findSessions, type SessionWithUser } from '../../records/session.ts';
import { type Rotation, rotateSession, rotateSessions } from '../../records/session-rotation.ts';
import type { User } from '../../records/user.ts';

/**
 * What requests want of their sessions. Those that arrive in one turn of the event loop are served by one statement: under
 * load its way to the server and back costs more than all else that most requests do. Nothing is remembered, and the
 * statement is sent when all of them have arrived, so what was ended before a request came is ended for it.
 */
export interface SessionBatches {
  /** @returns the user of a live session, or `null` when there is none or it is another user's */
  liveUser(session: { id: string; userId: string }): Promise<User | null>;
  /** @returns a session, be it live or not, or `null` when there is none */
  session(id: string): Promise<SessionWithUser | null>;
  /** As `rotateSession`, once more when nobody can tell whether it was done. */
  rotate(rotation: Rotation): Promise<boolean>;
}

export function createSessionBatches(
  db: Db,
  { now, graceMs }: { now: () => Date; graceMs: number },
): SessionBatches {
  const liveUsers = batched((ids: readonly string[]) =>
    findLiveUsers(db, ids, now()).then(inOrder(ids)),
  );
  const sessions = batched((ids: readonly string[]) => findSessions(db, ids).then(inOrder(ids)));
  const rotations = batched((given: readonly Rotation[]) =>
    rotateTogether(db, given, { now: now(), graceMs }),
  );
  return {
    async liveUser({ id, userId }) {
      const user = await liveUsers.load(id);
      return user?.id === userId ? user : null;
    },
    session: (id) => sessions.load(id),
    rotate: (rotation) => rotations.load(rotation),
  };
}

function batched<Asked, Answer>(answer: (asked: readonly Asked[]) => Promise<(Answer | Error)[]>) {
  return new DataLoader<Asked, Answer>(answer, {
    cache: false,
    maxBatchSize: LONGEST_LIST,
    // an immediate runs when all sockets that have something to read have been read
    batchScheduleFn: setImmediate,
  });
}

function inOrder(ids: readonly string[]) {
  return <Found>(found: ReadonlyMap<string, Found>) => ids.map((id) => found.get(id) ?? null);
}

/**
 * Rotates all sessions by one statement where that is all there is to do, and otherwise each by its own, which can tell a
 * race from a theft. Whoever is rotated twice meets the first time within the grace window, and gets the same successor.
 */
async function rotateTogether(
  db: Db,
  rotations: readonly Rotation[],
  at: { now: Date; graceMs: number },
): Promise<(boolean | Error)[]> {
  const all = () => rotateSessions(db, rotations, at.now);
  if (rotations.length > 1 && (await repeating(all))) return rotations.map(() => true);
  return Promise.all(
    rotations.map((rotation) =>
      repeating(() => rotateSession(db, rotation, at)).catch((error: Error) => error),
    ),
  );
}
