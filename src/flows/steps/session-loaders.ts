import DataLoader from 'dataloader';
import type { Db } from '../../db/client.ts';
import { LONGEST_LIST } from '../../db/prepared-query.ts';
import { findLiveUsers, findSessions, type SessionWithUser } from '../../records/session.ts';
import type { User } from '../../records/user.ts';

/**
 * Finds the sessions of requests. Those that arrive in one turn of the event loop are looked up by one query: under load
 * its way to the server and back costs more than all else that most requests do. Nothing is remembered, and the query
 * is sent when all of them have arrived, so what was ended before a request came is ended for it.
 */
export interface SessionLoaders {
  /** @returns the user of a live session, or `null` when there is none or it is another user's */
  liveUser(session: { id: string; userId: string }): Promise<User | null>;
  /** @returns a session, be it live or not, or `null` when there is none */
  session(id: string): Promise<SessionWithUser | null>;
}

export function createSessionLoaders(db: Db, now: () => Date): SessionLoaders {
  const liveUsers = loader((ids) => findLiveUsers(db, ids, now()));
  const sessions = loader((ids) => findSessions(db, ids));
  return {
    async liveUser({ id, userId }) {
      const user = await liveUsers.load(id);
      return user?.id === userId ? user : null;
    },
    session: (id) => sessions.load(id),
  };
}

function loader<Found>(find: (ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>) {
  return new DataLoader<string, Found | null>(
    async (ids) => {
      const found = await find(ids);
      return ids.map((id) => found.get(id) ?? null);
    },
    // an immediate runs when all sockets that have something to read have been read
    { cache: false, maxBatchSize: LONGEST_LIST, batchScheduleFn: setImmediate },
  );
}
