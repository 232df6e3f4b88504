import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedDatabase } from '../src/db/embedded.ts';
import { type LoadClient, startLoadClient } from './load/traffic.ts';
import type { Options } from './options.ts';
import { type PeerSettings, peerEnvironment } from './peers/settings.ts';
import { ARGON2_COST, type Population, populate } from './population.ts';
import { type Server, startServer } from './server.ts';

/** The peers, by their files in peers/. */
export type PeerName = 'yoga' | 'raw' | 'hash';

/** A service under measurement, and who has an account there. */
export interface Latchkey extends Server {
  readonly population: Population;
  readonly databaseUrl: string;
}

/** Everything that takes part in a run. All share one database server and one machine. */
export interface Stage {
  readonly service: Latchkey;
  /** Another build of the service, where one was asked for. */
  readonly baseline: Latchkey | undefined;
  /** Two, because what one of them waits for must not delay the other. */
  readonly clients: readonly [LoadClient, LoadClient];
  /** How many accounts there are to administer. */
  readonly crowd: number;
  /** A peer, started when it is first needed. */
  peer(name: PeerName): Promise<Server>;
}

const DATABASE_CONNECTIONS = 10;
const ACCOUNTS = 1000;
// what somebody with a million accounts would give it, and less than they and their events take
const BUFFER_POOL = '512M';
const SECRET = 'benchmarks-only-4be1a07c9d3f52e8a6610f7d';
const TSX = import.meta.resolve('tsx');

// what all servers run under; the service allows its limits to be turned off outside production only
const NODE_ENV = 'development';

/**
 * Runs `work` with a database, the service and the load clients, in a folder that goes away with them.
 *
 * @param say takes a line for each thing that is started
 */
export async function withStage<T>(
  options: Options,
  say: (line: string) => void,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const run = async (name: string, args: string[], env: Record<string, string>) => {
    say(`starting ${name}`);
    const server = await startServer({ name, args, env: { NODE_ENV, ...env }, folder });
    closers.push(server.stop);
    return server;
  };
  try {
    const database = await startEmbeddedDatabase({
      dataDirectory: folder,
      log: say,
      serverOptions: [`--innodb-buffer-pool-size=${BUFFER_POOL}`],
    });
    closers.push(database.stop);
    const service = await startLatchkey('latchkey', options.service, database.url, run);
    const baseline =
      options.baseline === undefined
        ? undefined
        : await startLatchkey('latchkey_baseline', options.baseline, database.url, run);
    const clients = [startLoadClient(), startLoadClient()] as const;
    closers.push(() => clients.map((client) => client.stop()));
    const env = peerEnvironment(peerSettings(database.url, service.population));
    const peer = once((name: PeerName) => run(name, ['--import', TSX, peerFile(name)], env));
    return await work({ service, baseline, clients, crowd: options.crowd, peer });
  } finally {
    for (const closer of closers.reverse()) {
      // whatever fails, the rest is stopped too
      await Promise.resolve(closer()).catch((error: unknown) => say(String(error)));
    }
  }
}

type Run = (name: string, args: string[], env: Record<string, string>) => Promise<Server>;

/** Starts a build of the service on a database of its own, with its accounts. */
async function startLatchkey(
  name: string,
  main: string,
  serverUrl: string,
  run: Run,
): Promise<Latchkey> {
  const databaseUrl = new URL(serverUrl);
  databaseUrl.pathname = name;
  const server = await run(name, [main], {
    DATABASE_URL: databaseUrl.href,
    DATABASE_CONNECTIONS: String(DATABASE_CONNECTIONS),
    HOST: '127.0.0.1',
    PUBLIC_URL: 'http://127.0.0.1',
    AUTH_SECRET: SECRET,
    RATE_LIMIT: 'off',
    // a run may take longer than an access token usually lasts
    ACCESS_TOKEN_TTL: '86400',
    ARGON2_MEMORY: String(ARGON2_COST.memoryCost),
    ARGON2_PASSES: String(ARGON2_COST.timeCost),
    ARGON2_PARALLELISM: String(ARGON2_COST.parallelism),
  });
  const population = await populate(databaseUrl.href, ACCOUNTS);
  return { ...server, population, databaseUrl: databaseUrl.href };
}

function peerSettings(databaseUrl: string, population: Population): PeerSettings {
  return {
    databaseUrl,
    databaseConnections: DATABASE_CONNECTIONS,
    accountIds: population.someIds,
    password: population.password,
    passwordHash: population.passwordHash,
    argon2: ARGON2_COST,
    hashConcurrency: availableParallelism(),
  };
}

function peerFile(name: PeerName): string {
  return fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url));
}

function once<Name, Value>(make: (name: Name) => Value): (name: Name) => Value {
  const made = new Map<Name, Value>();
  return (name) => {
    const value = made.get(name) ?? make(name);
    made.set(name, value);
    return value;
  };
}
