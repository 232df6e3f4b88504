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
import { createUpkeep } from './pool-upkeep.ts';
import { preparedPool } from './prepared-pool.ts';
import { createPulse } from './pulse.ts';
import { retrying } from './retry.ts';

type NoSchema = Record<string, never>;

/** The database or a transaction in it: a record function takes either, and so runs in or out of a transaction. */
export type Db = MySqlDatabase<
  MySql2QueryResultHKT,
  MySql2PreparedQueryHKT,
  NoSchema,
  ExtractTablesWithRelations<NoSchema>
>;

export interface Database {
  db: Db;
  /** Asks whether the server answers, whatever the pool is busy with. */
  ping(): Promise<void>;
  /** How many connections are in use, how many are open and free, and how many callers wait for one. */
  connections(): { used: number; idle: number; waiting: number };
  close(): Promise<void>;
}

// each connection keeps its statements on the server; ours are some hundred, more come only from lists of varying length
export const STATEMENTS_PER_CONNECTION = 200;

/**
 * Opens a pool of connections and Drizzle on it. Of several hosts all connections go to the one that takes writes.
 *
 * @param options.connections how many connections at the most
 * @param options.timeoutMs how long one statement, or waiting for a connection, may take before it fails
 */
export function openDatabase(options: {
  connection: DatabaseConnection;
  connections: number;
  timeoutMs: number;
  watch?: DatabaseWatch | undefined;
  /** Told to which of several hosts connections go from now on; undefined while none takes writes. */
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
    // before whoever waits for it gives up, so that they learn what is wrong
    connectTimeout: timeoutMs * 0.9,
    maxPreparedStatements: STATEMENTS_PER_CONNECTION,
    timezone: 'Z',
    charset: 'utf8mb4_bin',
    // an object that reaches a bound value is a mistake or an attack, never a part of SQL
    stringifyObjects: true,
  });
  const sockets = new Set<Socket>();
  pool.pool.on('connection', (connection) => {
    const socket = socketOf(connection);
    if (socket === undefined) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const upkeep = createUpkeep(choice);
  const prepared = preparedPool(pool, { connections, timeoutMs, upkeep, watch });
  const { line } = prepared;
  return {
    db: drizzle(prepared.client),
    ping: pulse.feel,
    connections: () => ({ ...connectionsOf(pool), waiting: line.waiting() }),
    async close() {
      choice?.close();
      pulse.close();
      // a connection that owes an answer would have the driver wait for it, however long; all answers have a deadline
      await line.idle();
      await pool.end();
      // each has said goodbye, and a server that fell silent would keep the process for as long as it says nothing
      for (const socket of sockets) socket.unref();
    },
  };
}

/** The driver counts for itself and shows nobody; should it keep its books otherwise some day, these are zero. */
function connectionsOf({ pool }: Pool): { used: number; idle: number } {
  type Books = Record<`_${string}`, { readonly length: number } | undefined>;
  const { _allConnections, _freeConnections } = pool as unknown as Books;
  const idle = _freeConnections?.length ?? 0;
  const used = (_allConnections?.length ?? 0) - idle;
  return { used, idle };
}

/**
 * Runs `work` in one transaction, and from the start again when the server undid it: after a deadlock, a refused commit,
 * or a connection that was lost before the commit. `work` may run several times, so it does nothing that a rollback does
 * not undo: hashing and mail stay outside.
 *
 * @throws whatever `work` throws, after the rollback
 * @throws {RequestError} UNAVAILABLE when the database is away, OUTCOME_UNKNOWN when it was lost during the commit, and
 *   OVERLOADED when it met others time and again
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
 * Does what no rollback would undo once the transaction is committed, and never when it is not; at once where there is
 * no transaction.
 *
 * @param db the transaction in which it is said, or the database
 */
export function whenCommitted(db: Db, act: () => void): void {
  const afterwards = commits.get(db);
  if (afterwards === undefined) act();
  else afterwards.push(act);
}

/** How many rows a write matched: the answer to every "was I the one?". */
export function affectedRows(result: readonly [{ affectedRows: number }, ...unknown[]]): number {
  return result[0].affectedRows;
}
