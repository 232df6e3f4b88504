import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedDatabase } from '../src/db/embedded.ts';
import { createCrowd } from './crowd.ts';
import {
  type CrowdedLatchkey,
  DATABASE_CONNECTIONS,
  databaseNamed,
  dropDatabase,
  type PopulatedLatchkey,
  type Run,
  startLatchkey,
} from './latchkey.ts';
import { type LoadClient, startLoadClient } from './load/traffic.ts';
import type { Options } from './options.ts';
import { type PeerSettings, peerEnvironment } from './peers/settings.ts';
import { ARGON2_COST, hashOfPassword, PASSWORD, type Population, populate } from './population.ts';
import { type Server, startServer } from './server.ts';

/** The peers, named after their files in peers/. */
export type PeerName = 'yoga' | 'raw' | 'hash' | 'node-argon2' | 'better-auth';

/** Everything that takes part in a run. All of it shares one database server and one machine. */
export interface Stage {
  readonly service: PopulatedLatchkey;
  /** Another build of the service, if requested. */
  readonly baseline: PopulatedLatchkey | undefined;
  /** Two clients, so that slow answers to one do not delay the other. */
  readonly clients: readonly [LoadClient, LoadClient];
  /** The number of accounts in the large crowd. */
  readonly crowdSize: number;
  /** A peer, started when first needed. */
  peer(name: PeerName): Promise<Server>;
  /** A service with this many accounts and its own database, created when first needed. */
  crowded(accounts: number): Promise<CrowdedLatchkey>;
  /** Another process of the service on the same database, with its own settings. The caller has to stop it. */
  another(name: string, env?: Readonly<Record<string, string>>): Promise<Server>;
}

/** The sessions of each account in a crowd. */
const SESSIONS_EACH = 5;
const ACCOUNTS = 1000;
// realistic for a million accounts: the buffer pool is smaller than the accounts and their events
const SERVER_OPTIONS = ['--innodb-buffer-pool-size=512M', '--innodb-log-file-size=512M'];
const TSX = import.meta.resolve('tsx');

// the service allows its limits to be turned off only outside production, where graphql is a little slower; stock Yoga runs
// there too, so that the comparison is fair
const NODE_ENV = 'development';
const NODE_ENVS: { readonly [name: string]: string } = { 'better-auth': 'production' };

/**
 * Runs `work` with a database, the service and the load clients, in a temporary folder.
 *
 * @param say receives a line for each process started
 */
export async function withStage<T>(
  options: Options,
  say: (line: string) => void,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const run: Run = async (name, args, env) => {
    say(`starting ${name}`);
    const server = await startServer({
      name,
      args,
      env: { NODE_ENV: NODE_ENVS[name] ?? NODE_ENV, ...env },
      folder,
    });
    closers.push(server.stop);
    return server;
  };
  try {
    const dataDirectory = options.keep ?? folder;
    mkdirSync(dataDirectory, { recursive: true });
    const database = await startEmbeddedDatabase({
      dataDirectory,
      log: say,
      serverOptions: SERVER_OPTIONS,
    });
    closers.push(database.stop);
    const clients = [startLoadClient(), startLoadClient()] as const;
    closers.push(() => clients.map((client) => client.stop()));
    return await work(
      await setUp({ ...options, dataDirectory, url: database.url, run }, clients, say),
    );
  } finally {
    for (const closer of closers.reverse()) {
      // stop the rest even if one fails to stop
      await Promise.resolve(closer()).catch((error: unknown) => say(String(error)));
    }
  }
}

/** Where and how to start the servers of a run. */
interface Ground extends Options {
  dataDirectory: string;
  /** The URL of the database server. */
  url: string;
  run: Run;
}

async function setUp(
  ground: Ground,
  clients: Stage['clients'],
  say: (line: string) => void,
): Promise<Stage> {
  const { run, url } = ground;
  const service = await startPopulated(ground, 'latchkey', ground.service);
  const baseline =
    ground.baseline === undefined
      ? undefined
      : await startPopulated(ground, 'latchkey_baseline', ground.baseline);
  const env = peerEnvironment(peerSettings(service.databaseUrl, service.population));
  return {
    service,
    baseline,
    clients,
    crowdSize: ground.crowd,
    peer: once((name: PeerName) => run(name, ['--import', TSX, peerFile(name)], env)),
    crowded: once((accounts: number) => startCrowded(ground, accounts, say)),
    another: (name, env = {}) => {
      const databaseUrl = databaseNamed('latchkey', url);
      return startLatchkey(run, { name, main: ground.service, databaseUrl, env });
    },
  };
}

/** Starts a build of the service on its own database and fills it with accounts. */
async function startPopulated(
  { run, url }: Ground,
  name: string,
  main: string,
): Promise<PopulatedLatchkey> {
  const databaseUrl = databaseNamed(name, url);
  await dropDatabase(databaseUrl);
  const latchkey = await startLatchkey(run, { name, main, databaseUrl });
  return { ...latchkey, population: await populate(databaseUrl, ACCOUNTS) };
}

/** Starts the service on a database with a crowd. Creating one takes minutes, so one kept by an earlier run is reused. */
async function startCrowded(
  { run, url, service, crowd, keep, dataDirectory }: Ground,
  accounts: number,
  say: (line: string) => void,
): Promise<CrowdedLatchkey> {
  const name = `latchkey_${accounts}`;
  const databaseUrl = databaseNamed(name, url);
  const note = join(dataDirectory, `${name}.complete`);
  const isThere = existsSync(note);
  if (!isThere) await dropDatabase(databaseUrl);
  const latchkey = await startLatchkey(run, { name, main: service, databaseUrl });
  const sessions = accounts * SESSIONS_EACH;
  if (!isThere) {
    const passwordHash = await hashOfPassword();
    await createCrowd(databaseUrl, accounts, { passwordHash, sessionsEach: SESSIONS_EACH, say });
    // keep only the large crowd: a small one takes a second, and its few accounts would collect sessions over the runs
    if (keep !== undefined && accounts === crowd) writeFileSync(note, '');
  }
  return { ...latchkey, accounts, sessions };
}

function peerSettings(databaseUrl: string, population: Population): PeerSettings {
  return {
    databaseUrl,
    databaseConnections: DATABASE_CONNECTIONS,
    accountIds: population.someIds,
    accounts: population.accounts,
    password: PASSWORD,
    passwordHash: population.passwordHash,
    argon2: ARGON2_COST,
    hashConcurrency: availableParallelism(),
  };
}

function peerFile(name: PeerName): string {
  return fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url));
}

function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
