import type { Socket } from 'node:net';
import type { ExtractTablesWithRelations } from 'drizzle-orm';
import type { MySqlDatabase } from 'drizzle-orm/mysql-core';
import {
  drizzle,
  type MySql2PreparedQueryHKT,
  type MySql2QueryResultHKT,
} from 'drizzle-orm/mysql2';
import type { Pool } from 'mysql2/promise';
import { createPool } from 'mysql2/promise';
import { socketOf } from './break-off.ts';
import type { DatabaseConnection, Host } from './connection.ts';
import type { DatabaseWatch } from './connection-taking.ts';
import { socketsTo, watchHosts } from './host-choice.ts';
import { endWhenOutOfStep } from './out-of-step.ts';
import { createUpkeep } from './pool-upkeep.ts';
import { preparedPool } from './prepared-pool.ts';
import { createPulse } from './pulse.ts';
import { retrying } from './retry.ts';

type NoSchema = Record<string, never>;

/**
 * The database, or a transaction in it. Record functions take either, so that they run inside and outside of a
 * transaction.
 */
export type Db = MySqlDatabase<
  MySql2QueryResultHKT,
  MySql2PreparedQueryHKT,
  NoSchema,
  ExtractTablesWithRelations<NoSchema>
>;

export interface Database {
  db: Db;
  /** Asks whether the server answers, however busy the pool is. */
  ping(): Promise<void>;
  /** How many connections are in use, how many are open and free, and how many callers wait for one. */
  connections(): { used: number; idle: number; waiting: number };
  close(): Promise<void>;
}

// The server keeps the prepared statements of each connection. The service has about a hundred; only lists of varying
// length add more.
export const STATEMENTS_PER_CONNECTION = 200;

/**
 * Opens a connection pool, with Drizzle on top. With several hosts, all connections go to the one that takes writes.
 *
 * @param options.connections the maximum number of connections
 * @param options.timeoutMs how long a statement, or the wait for a connection, may take before it fails
 */
export function openDatabase(options: {
  connection: DatabaseConnection;
  connections: number;
  timeoutMs: number;
  watch?: DatabaseWatch | undefined;
  /**
   * Called with the host that connections go to from now on, if there are several; undefined while none takes writes.
   */
  hostChanged?: (host: Host | undefined) => void;
}): Database {
  const { connections, timeoutMs, watch } = options;
  const { hosts, ...connection } = options.connection;
  const choice =
    hosts === undefined ? undefined : watchHosts(options.connection, options.hostChanged);
  const server = { ...connection, ...(choice ? { stream: socketsTo(choice) } : {}) };
  const pulse = createPulse(server, choice);
  const pool = createPool({
    ...server,
    connectionLimit: connections,
    maxIdle: connections,
    // shorter than the callers' own deadline, so that they get the actual error
    connectTimeout: timeoutMs * 0.9,
    // firewalls forget connections that are idle for some minutes; the system's own probes begin after two hours
    keepAliveInitialDelay: 60_000,
    maxPreparedStatements: STATEMENTS_PER_CONNECTION,
    timezone: 'Z',
    charset: 'utf8mb4_bin',
    // an object among the bound values is a mistake or an attack, and must never become SQL
    stringifyObjects: true,
  });
  const sockets = new Set<Socket>();
  pool.pool.on('connection', (connection) => {
    endWhenOutOfStep(connection);
    const socket = socketOf(connection);
    if (socket === undefined) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const upkeep = createUpkeep(choice, timeoutMs);
  const prepared = preparedPool(pool, { connections, timeoutMs, upkeep, watch });
  const { line } = prepared;
  return {
    db: drizzle(prepared.client),
    ping: pulse.feel,
    connections: () => ({ ...connectionsOf(pool), waiting: line.waiting() }),
    async close() {
      choice?.close();
      pulse.close();
      // pool.end() would wait without limit for connections with an outstanding answer; this waits only until their
      // deadlines
      await line.idle();
      await pool.end();
      // goodbyes are sent; now a silent server must not keep the process alive
      for (const socket of sockets) socket.unref();
    },
  };
}

/**
 * Reads the driver's private lists of connections. Should a later version keep them otherwise, both counts are zero.
 */
function connectionsOf({ pool }: Pool): { used: number; idle: number } {
  type Books = Record<`_${string}`, { readonly length: number } | undefined>;
  const { _allConnections, _freeConnections } = pool as unknown as Books;
  const idle = _freeConnections?.length ?? 0;
  const used = (_allConnections?.length ?? 0) - idle;
  return { used, idle };
}

/**
 * Runs `work` in one transaction, and again from the start when the server rolled it back: after a deadlock, a refused
 * commit, or a connection lost before the commit. Since `work` may run several times, it must do nothing that a
 * rollback does not undo: hashing and mail stay outside.
 *
 * @throws whatever `work` throws, after the rollback
 * @throws {RequestError} UNAVAILABLE when the database is unreachable, OUTCOME_UNKNOWN when the connection was lost
 *   during the commit, and OVERLOADED when every attempt conflicted with other transactions
 */
export function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  return retrying(async () => {
    const afterwards: (() => void)[] = [];
    const result = await db.transaction((tx) => {
      commits.set(tx, afterwards);
      return work(tx);
    });
    for (const act of afterwards) act();
    return result;
  });
}

const commits = new WeakMap<Db, (() => void)[]>();

/**
 * Runs `act` after the transaction has committed, and not at all if it does not commit: for effects that a rollback
 * cannot undo. Outside of a transaction, `act` runs at once.
 *
 * @param db the transaction to wait for, or the database
 */
export function whenCommitted(db: Db, act: () => void): void {
  const afterwards = commits.get(db);
  if (afterwards === undefined) act();
  else afterwards.push(act);
}

/** How many rows a write matched. A conditional UPDATE uses it to tell who was first. */
export function affectedRows(result: readonly [{ affectedRows: number }, ...unknown[]]): number {
  return result[0].affectedRows;
}
