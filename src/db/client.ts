import { setTimeout as delay } from 'node:timers/promises';
import type { ExtractTablesWithRelations } from 'drizzle-orm';
import type { MySqlDatabase } from 'drizzle-orm/mysql-core';
import {
  drizzle,
  type MySql2PreparedQueryHKT,
  type MySql2QueryResultHKT,
} from 'drizzle-orm/mysql2';
import type { ConnectionOptions, Pool } from 'mysql2/promise';
import { createPool } from 'mysql2/promise';
import { isRetryable } from './failure.ts';
import { type DatabaseWatch, preparedPool } from './prepared-pool.ts';

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
  /** Answers whether the server answers. */
  ping(): Promise<void>;
  /** How many connections are in use, how many are open and free, and how many callers wait for one. */
  connections(): { used: number; idle: number; waiting: number };
  close(): Promise<void>;
}

const TRANSACTION_ATTEMPTS = 6;
// each connection keeps its statements on the server; ours are some fifty, more come only from lists of varying length
const STATEMENTS_PER_CONNECTION = 200;

/**
 * Opens a pool of connections and Drizzle on it.
 *
 * @param options.connections how many connections at the most
 * @param options.timeoutMs how long one statement, or waiting for a connection, may take before it fails
 */
export function openDatabase(options: {
  connection: ConnectionOptions;
  connections: number;
  timeoutMs: number;
  watch?: DatabaseWatch | undefined;
}): Database {
  const pool = createPool({
    ...options.connection,
    connectionLimit: options.connections,
    maxIdle: options.connections,
    connectTimeout: options.timeoutMs,
    maxPreparedStatements: STATEMENTS_PER_CONNECTION,
    timezone: 'Z',
    charset: 'utf8mb4_bin',
    // an object that reaches a bound value is a mistake or an attack, never a part of SQL
    stringifyObjects: true,
  });
  setUpSessions(pool);
  const prepared = preparedPool(pool, options.timeoutMs, options.watch);
  return {
    db: drizzle(prepared.client),
    ping: async () => void (await prepared.client.query('select 1')),
    connections: () => connectionsOf(pool),
    close: () => pool.end(),
  };
}

/** What is counted on, whatever the server's defaults are; procedures keep the sql_mode they were created under. */
export const SESSION_SETTINGS =
  "set session sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', session time_zone='+00:00', session innodb_lock_wait_timeout=3";

/** The driver counts for itself and shows nobody; should it keep its books otherwise some day, these are zero. */
function connectionsOf({ pool }: Pool): ReturnType<Database['connections']> {
  type Books = Record<`_${string}`, { readonly length: number } | undefined>;
  const { _allConnections, _freeConnections, _connectionQueue } = pool as unknown as Books;
  const idle = _freeConnections?.length ?? 0;
  const used = (_allConnections?.length ?? 0) - idle;
  return { used, idle, waiting: _connectionQueue?.length ?? 0 };
}

/** Sets what the service counts on, whatever the server's defaults are. */
function setUpSessions(pool: Pool): void {
  pool.pool.on('connection', (connection) => {
    // queued on the connection ahead of whatever it was opened for
    const fail = (error: unknown) => error && connection.destroy();
    connection.query(SESSION_SETTINGS, fail);
    // every decision here is a conditional UPDATE, which reads the newest row under any isolation;
    // gap locks would only add deadlocks
    connection.query('set session transaction isolation level read committed', fail);
  });
}

/**
 * Runs `work` in one transaction, from the start again when the server broke a deadlock or refused the commit.
 * `work` may run several times, so it does nothing that a rollback does not undo: hashing and mail stay outside.
 *
 * @throws whatever `work` throws, after the rollback
 */
export async function transaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (attempt >= TRANSACTION_ATTEMPTS || !isRetryable(error)) throw error;
      await backoff(attempt);
    }
  }
}

/** Runs a single statement, again when the server broke a deadlock or timed out waiting for a lock. */
export async function retrying<T>(statement: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await statement();
    } catch (error) {
      if (attempt >= TRANSACTION_ATTEMPTS || !isRetryable(error)) throw error;
      await backoff(attempt);
    }
  }
}

// full jitter: those who collided must not collide again
function backoff(attempt: number): Promise<void> {
  return delay(Math.random() * 10 * 2 ** attempt);
}

/** How many rows a write matched: the answer to every "was I the one?". */
export function affectedRows(result: readonly [{ affectedRows: number }, ...unknown[]]): number {
  return result[0].affectedRows;
}
