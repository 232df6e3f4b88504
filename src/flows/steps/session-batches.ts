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
 * Batches what requests ask about their sessions. Requests that arrive in one turn of the event loop share statements,
 * up to sixteen requests each: under load, a round trip to the database costs more than everything else that most
 * requests do. Nothing is cached, and a statement is sent after all its requests have arrived, so a session that ended
 * before a request came is ended for that request.
 */
export interface SessionBatches {
  /** @returns the user of a live session; `null` if there is none, or it is another user's */
  liveUser(session: { id: string; userId: string }): Promise<User | null>;
  /** @returns a session, live or not; `null` if there is none */
  session(id: string): Promise<SessionWithUser | null>;
  /**
   * `rotateSession`, repeated once if its outcome is unknown.
   *
   * @param found the generation of the session, as it was just read
   */
  rotate(rotation: Rotation, found: number): Promise<boolean>;
}

/** @param graceMs how long the previous generation stays valid */
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
    // in a batch, an older generation would make the batch fail, and each of the others would be decided alone
    rotate: async (rotation, found) =>
      rotation.generation === found ? await rotations.load(rotation) : await rotateAlone(rotation),
  };
}

function batched<Asked, Answer>(answer: (asked: readonly Asked[]) => Promise<Answer[]>) {
  return new DataLoader<Asked, Answer>(answer, {
    cache: false,
    maxBatchSize: LONGEST_LIST,
    // setImmediate runs after all sockets that have something to read have been read
    batchScheduleFn: setImmediate,
  });
}

function inOrder(ids: readonly string[]) {
  return <Found>(found: ReadonlyMap<string, Found>) => ids.map((id) => found.get(id) ?? null);
}

/** Falls back to single statements, but not while there is no connection: as many more would only wait for one each. */
function unlessAway(failure: Error): false {
  const isUndecided = unavailableIn(failure)?.mayRunAgain === false;
  const isConflict = verdictOf(failure) === 'conflict';
  if (failure instanceof RequestError && !isUndecided && !isConflict) throw failure;
  return false;
}

/**
 * Rotates all sessions with one statement if that is all there is to do. If not, or if it fails, each is decided by a
 * statement of its own, which tells a race from a theft and fails alone. A session that is rotated twice in this way is
 * still within the grace window, and gets the same successor.
 */
async function rotateTogether(
  db: Db,
  rotations: readonly Rotation[],
  rotateAlone: (rotation: Rotation) => Promise<boolean>,
): Promise<(boolean | Promise<boolean>)[]> {
  if (rotations.length > 1) {
    // racing tabs present the same token
    const different = new Map(rotations.map((each) => [`${each.id} ${each.generation}`, each]));
    const areAllMoved = await rotateSessions(db, [...different.values()]).catch(unlessAway);
    if (areAllMoved) return rotations.map(() => true);
  }
  // not awaited: each resolves on its own
  return rotations.map(rotateAlone);
}
