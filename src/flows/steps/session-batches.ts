import DataLoader from 'dataloader';
import type { Db } from '../../db/client.ts';
import { unavailableIn, verdictOf } from '../../db/failure.ts';
import { LONGEST_LIST } from '../../db/prepared-query.ts';
import { repeating } from '../../db/retry.ts';
import { RequestError } from '../../errors.ts';
import { findLiveUsers, findSessions, type SessionWithUser } from '../../records/session.ts';
import { type Rotation, rotateSession, rotateSessions } from '../../records/session-rotation.ts';
import type { User } from '../../records/user.ts';

/**
 * What requests want of their sessions. Those that arrive in one turn of the event loop share statements, up to sixteen of
 * them one: under load its way to the server and back costs more than all else that most requests do. Nothing is
 * remembered, and the statement is sent when all of them have arrived, so what was ended before a request came is ended
 * for it.
 */
export interface SessionBatches {
  /** @returns the user of a live session, or `null` when there is none or it is another user's */
  liveUser(session: { id: string; userId: string }): Promise<User | null>;
  /** @returns a session, be it live or not, or `null` when there is none */
  session(id: string): Promise<SessionWithUser | null>;
  /**
   * As `rotateSession`, once more when nobody can tell whether it was done.
   *
   * @param found the generation that the session was at just now
   */
  rotate(rotation: Rotation, found: number): Promise<boolean>;
}

/** @param graceMs for how long the last generation but one is good */
export function createSessionBatches(db: Db, now: () => Date, graceMs: number): SessionBatches {
  const liveUsers = batched((ids: readonly string[]) =>
    findLiveUsers(db, ids, now()).then(inOrder(ids)),
  );
  const sessions = batched((ids: readonly string[]) => findSessions(db, ids).then(inOrder(ids)));
  const rotateAlone = (rotation: Rotation) => repeating(() => rotateSession(db, rotation, graceMs));
  const rotations = batched((given: readonly Rotation[]) => rotateTogether(db, given, rotateAlone));
  return {
    async liveUser({ id, userId }) {
      const user = await liveUsers.load(id);
      return user?.id === userId ? user : null;
    },
    session: (id) => sessions.load(id),
    // an older generation would have all the others decided one by one
    rotate: async (rotation, found) =>
      rotation.generation === found ? await rotations.load(rotation) : await rotateAlone(rotation),
  };
}

function batched<Asked, Answer>(answer: (asked: readonly Asked[]) => Promise<Answer[]>) {
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

/** While there is no connection to be had, as many more would only wait for one each. */
function unlessAway(failure: Error): false {
  const isUndecided = unavailableIn(failure)?.mayRunAgain === false;
  const isConflict = verdictOf(failure) === 'conflict';
  if (failure instanceof RequestError && !isUndecided && !isConflict) throw failure;
  return false;
}

/**
 * Rotates all sessions by one statement where that is all there is to do. Where it is not, or fails, each is decided by a
 * statement of its own, which tells a race from a theft and fails alone. Whoever is rotated twice meets the first time
 * within the grace window, and gets the same successor.
 */
async function rotateTogether(
  db: Db,
  rotations: readonly Rotation[],
  rotateAlone: (rotation: Rotation) => Promise<boolean>,
): Promise<(boolean | Promise<boolean>)[]> {
  if (rotations.length > 1) {
    // tabs that race present one token
    const different = new Map(rotations.map((each) => [`${each.id} ${each.generation}`, each]));
    const areAllMoved = await rotateSessions(db, [...different.values()]).catch(unlessAway);
    if (areAllMoved) return rotations.map(() => true);
  }
  // not waited for: each of them ends when it does
  return rotations.map(rotateAlone);
}
