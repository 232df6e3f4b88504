import { createConnection } from 'mysql2/promise';
import { connectionOptions } from '../src/db/connection.ts';
import { ARGON2_COST, type Population } from './population.ts';
import type { Server } from './server.ts';

/** A Latchkey service under measurement. */
export interface Latchkey extends Server {
  readonly databaseUrl: string;
}

/** A service whose accounts all take part in the measurements. */
export interface PopulatedLatchkey extends Latchkey {
  readonly population: Population;
}

/** A service with a large number of accounts, most of which only make the tables large. */
export interface CrowdedLatchkey extends Latchkey {
  readonly accounts: number;
  readonly sessions: number;
}

/** Starts a server under measurement, to be stopped when the benchmark ends. */
export type Run = (name: string, args: string[], env: Record<string, string>) => Promise<Server>;

/** The size of a server's pool of database connections, the same for Latchkey and its peers. */
export const DATABASE_CONNECTIONS = 10;

/** How `npm start` and the image start the service. */
export const START = { args: ['--max-semi-space-size=8'], env: { MALLOC_ARENA_MAX: '1' } } as const;

const SECRET = 'benchmarks-only-4be1a07c9d3f52e8a6610f7d';

/**
 * Starts a build of the service, as `npm start` and the image do. The service migrates its database.
 *
 * @param options.env settings that differ from the common ones
 */
export async function startLatchkey(
  run: Run,
  options: {
    name: string;
    main: string;
    databaseUrl: string;
    env?: Readonly<Record<string, string>>;
  },
): Promise<Latchkey> {
  const { name, main, databaseUrl, env = {} } = options;
  const server = await run(name, [...START.args, main], {
    ...START.env,
    DATABASE_URL: databaseUrl,
    DATABASE_CONNECTIONS: String(DATABASE_CONNECTIONS),
    HOST: '127.0.0.1',
    PUBLIC_URL: 'http://127.0.0.1',
    AUTH_SECRET: SECRET,
    RATE_LIMIT: 'off',
    // a run may take longer than an access token usually lasts
    ACCESS_TOKEN_TTL: '86400',
    // and the crowd's events, which are years old, must not be deleted
    AUDIT_RETENTION_DAYS: '36500',
    ARGON2_MEMORY: String(ARGON2_COST.memoryCost),
    ARGON2_PASSES: String(ARGON2_COST.timeCost),
    ARGON2_PARALLELISM: String(ARGON2_COST.parallelism),
    ...env,
  });
  return { ...server, databaseUrl };
}

/** The URL of another database on the same server. */
export function databaseNamed(name: string, serverUrl: string): string {
  const url = new URL(serverUrl);
  url.pathname = name;
  return url.href;
}

/** Drops a database that an earlier run may have left. */
export async function dropDatabase(databaseUrl: string): Promise<void> {
  const { database, ...server } = connectionOptions(databaseUrl, () => '');
  const connection = await createConnection(server);
  try {
    await connection.query(`drop database if exists \`${database}\``);
  } finally {
    await connection.end();
  }
}
