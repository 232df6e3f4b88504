import type { Connection, Pool, PoolConnection, QueryOptions } from 'mysql2/promise';

/** What Drizzle asks of a pool or connection. */
type Client = Pick<Connection, 'query' | 'execute'>;

// these are not worth a prepared statement each, and some servers refuse to prepare them
const CONTROL = /^(begin|commit|rollback|savepoint|release savepoint|select 1$)/i;

/**
 * Makes Drizzle's statements server-side prepared. Its mysql2 driver calls `query()`, which writes the parameters
 * into the SQL text in the client; here the same call runs `execute()`, which sends them apart. It is faster too.
 * Everything has a deadline: a server that went silent must not hold a request.
 *
 * @param timeoutMs for each statement, and for the wait for a connection
 */
export function preparedPool(pool: Pool, timeoutMs: number): { client: Pool } {
  const run: Client['query'] = async (statement: string | QueryOptions, values?: unknown) => {
    const asked = performance.now();
    const connection = await acquire(pool, timeoutMs);
    // what waiting for the connection took comes off: one deadline for both
    const leftMs = timeoutMs - (performance.now() - asked);
    try {
      return await execute(connection, statement, values, Math.max(1, leftMs));
    } finally {
      connection.release();
    }
  };
  const client = {
    query: run,
    execute: run,
    getConnection: async () => preparedConnection(await acquire(pool, timeoutMs), timeoutMs),
  };
  // Drizzle uses these three of a pool's methods and no other
  return { client: client as unknown as Pool };
}

function preparedConnection(connection: PoolConnection, timeoutMs: number) {
  const run = (statement: string | QueryOptions, values?: unknown) =>
    execute(connection, statement, values, timeoutMs);
  return { query: run, execute: run, release: () => connection.release() };
}

async function execute(
  connection: PoolConnection,
  statement: string | QueryOptions,
  values: unknown,
  timeoutMs: number,
) {
  const options = typeof statement === 'string' ? { sql: statement } : statement;
  const bounded = { ...options, timeout: timeoutMs };
  try {
    return CONTROL.test(options.sql)
      ? await connection.query(bounded)
      : // biome-ignore lint/suspicious/noExplicitAny: the driver's own type for bound values
        await connection.execute(bounded, (values ?? options.values ?? []) as any);
  } catch (error) {
    // the answer may still be on its way, and would be taken for that of the next statement
    if (isTimeout(error)) connection.destroy();
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'PROTOCOL_SEQUENCE_TIMEOUT';
}

async function acquire(pool: Pool, timeoutMs: number): Promise<PoolConnection> {
  const connection = pool.getConnection();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // it comes too late for this caller; the next one is waiting for it
      connection.then((late) => late.release()).catch(() => undefined);
      reject(new DatabaseUnavailableError(`no database connection within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([connection, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** All connections are busy or the server does not answer. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
}
