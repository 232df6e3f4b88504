import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findMariadb, type MariadbBinaries, systemTables } from '../../scripts/mariadb-binaries.js';
import { makeDirectory } from '../data-directory.ts';
import { DataDirectoryInUseError, lockDataDirectory } from './data-directory-lock.ts';
import {
  commonServerOptions,
  EmbeddedDatabaseError,
  type ServerPaths,
  type ServerProcess,
  spawnServer,
  stopLeftoverServer,
} from './mariadb-process.ts';

const DATABASE = 'latchkey';
const DRAFT_PREFIX = 'database.draft-';
// The kernel's limit is 104 bytes on macOS and 108 on Linux.
const MAX_SOCKET_PATH_BYTES = 100;
const MAX_LOG_BYTES = 1024 * 1024;
const MAX_QUICK_FAILURES = 5;
const STABLE_AFTER_MS = 60_000;

export interface EmbeddedDatabaseOptions {
  dataDirectory: string;
  /** Receives one line per event worth reporting. */
  log: (line: string) => void;
  /** Further options for `mariadbd`; they override ours. */
  serverOptions?: readonly string[];
  /** Called when the server has failed repeatedly and is not started again. */
  onGivenUp?: (error: EmbeddedDatabaseError) => void;
}

export interface EmbeddedDatabase {
  /** The DATABASE_URL of this server. */
  url: string;
  stop(): Promise<void>;
}

/**
 * Runs our own MariaDB with its files in the data directory. It is reachable only through a socket that only this user
 * can open, is restarted when it fails, and ends with this process.
 *
 * @throws {DataDirectoryInUseError} when another process uses the directory
 * @throws {EmbeddedDatabaseError} when there is no MariaDB, or it cannot be set up or started
 */
export async function startEmbeddedDatabase(
  options: EmbeddedDatabaseOptions,
): Promise<EmbeddedDatabase> {
  const dataDirectory = resolve(options.dataDirectory);
  const binaries = findMariadb();
  if (!binaries) {
    throw new EmbeddedDatabaseError(
      'No MariaDB server was found. Run `node scripts/setup.js`, or set DATABASE_URL.',
    );
  }
  const lock = lockDataDirectory(dataDirectory);
  try {
    const paths = serverPaths(dataDirectory);
    await stopLeftoverServer(paths);
    await initialise(binaries, dataDirectory, paths.tables, options.log);
    const supervised = await supervise(
      () => spawnServer(binaries, paths, options.serverOptions ?? []),
      options,
    );
    return { url: urlOf(paths), stop: () => supervised.stop().finally(lock.release) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * The embedded database for an operator's command: that of the service already running on this data directory, or else
 * one that runs only as long as the command.
 */
export async function joinEmbeddedDatabase(
  options: EmbeddedDatabaseOptions,
): Promise<EmbeddedDatabase> {
  try {
    return await startEmbeddedDatabase(options);
  } catch (error) {
    if (!(error instanceof DataDirectoryInUseError)) throw error;
    const url = urlOf(serverPaths(resolve(options.dataDirectory)));
    return { url, stop: () => Promise.resolve() };
  }
}

function urlOf({ socket }: ServerPaths): string {
  return `mysql://root@localhost/${DATABASE}?socketPath=${encodeURIComponent(socket)}`;
}

function serverPaths(dataDirectory: string): ServerPaths {
  const logFile = join(dataDirectory, 'mariadb.log');
  if (existsSync(logFile) && statSync(logFile).size > MAX_LOG_BYTES) truncateSync(logFile);
  return {
    tables: join(dataDirectory, 'database'),
    socket: join(socketDirectory(dataDirectory), 'mysql.sock'),
    pidFile: join(dataDirectory, 'mariadb.pid'),
    logFile,
  };
}

/** A directory that only this user can enter, which protects a root account without a password. */
function socketDirectory(dataDirectory: string): string {
  const beside = join(dataDirectory, 'run');
  const hash = createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16);
  const fits = Buffer.byteLength(join(beside, 'mysql.sock')) <= MAX_SOCKET_PATH_BYTES;
  const directory = fits ? beside : join(tmpdir(), `latchkey-${hash}`);
  makeDirectory(directory);
  const { mode, uid } = lstatSync(directory);
  const isOurs = lstatSync(directory).isDirectory() && uid === process.getuid?.();
  if (!isOurs || (mode & 0o077) !== 0) {
    throw new EmbeddedDatabaseError(
      `${directory} has to be a directory that only you can enter. Remove it and start again.`,
    );
  }
  return directory;
}

/** Creates the system tables in a draft directory and then renames it, so that half-made tables never look complete. */
async function initialise(
  binaries: MariadbBinaries,
  dataDirectory: string,
  tables: string,
  log: (line: string) => void,
): Promise<void> {
  for (const name of readdirSync(dataDirectory).filter((name) => name.startsWith(DRAFT_PREFIX))) {
    await removeDraft(join(dataDirectory, name));
  }
  if (existsSync(tables)) return;
  log(`Creating a database in ${tables}`);
  const draft = mkdtempSync(join(dataDirectory, DRAFT_PREFIX));
  await bootstrap(binaries, draft);
  renameSync(draft, tables);
}

/** Retries, because the bootstrap of a killed service may go on writing until it notices that its input has ended. */
async function removeDraft(draft: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(draft, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(50);
    }
  }
}

async function bootstrap(binaries: MariadbBinaries, tables: string): Promise<void> {
  const sql = [
    'CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n',
    ...systemTables(binaries.share).map((file) => readFileSync(file, 'utf8')),
    // Root may only connect through our socket, which MariaDB calls localhost.
    "\nDELETE FROM global_priv WHERE Host <> 'localhost';\nDELETE FROM proxies_priv;\n",
  ];
  const child = spawn(
    binaries.server,
    [
      ...commonServerOptions(binaries, tables),
      '--bootstrap',
      '--log-warnings=0',
      // observed: of two servers that were set up at the same moment, one saw the other's temporary tables
      `--tmpdir=${tables}`,
    ],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: binaries.libraryPath ? { LD_LIBRARY_PATH: binaries.libraryPath } : {},
    },
  );
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  // A server that exits early closes its end of the pipe; its exit code reports that.
  child.stdin.on('error', () => {}).end(sql.join(''));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail).once('close', done);
  });
  if (code !== 0) {
    const lines = output.split('\n').filter((line) => line.includes('ERROR'));
    throw new EmbeddedDatabaseError(
      `MariaDB could not create its tables in ${tables}:\n${lines.slice(-5).join('\n') || output}`,
    );
  }
}

/** Starts the server and restarts it whenever it ends, until it is told to stop. */
async function supervise(
  start: () => ServerProcess,
  { log, onGivenUp }: EmbeddedDatabaseOptions,
): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  let server = start();
  await server.ready().catch((error: unknown) => server.stop().then(() => Promise.reject(error)));

  const restart = async () => {
    server = start();
    const startedAt = Date.now();
    await server.ready();
    log(`MariaDB is running again after ${Date.now() - startedAt} ms`);
  };
  const keepRunning = async () => {
    for (let quickFailures = 0; ; ) {
      const since = Date.now();
      const how = await server.exited;
      if (stopping.signal.aborted) return;
      quickFailures = Date.now() - since > STABLE_AFTER_MS ? 1 : quickFailures + 1;
      if (quickFailures > MAX_QUICK_FAILURES) {
        const error = new EmbeddedDatabaseError(
          `MariaDB has ended ${quickFailures} times in a row (${how}); it is not started again.`,
        );
        log(error.message);
        onGivenUp?.(error);
        return;
      }
      log(`MariaDB has ended unexpectedly (${how}); starting it again`);
      const pause = quickFailures === 1 ? 0 : 50 * 2 ** quickFailures;
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      await restart().catch(async (error: Error) => {
        if (!stopping.signal.aborted) log(error.message);
        await server.stop();
      });
    }
  };
  const supervision = keepRunning();
  const stop = async () => {
    stopping.abort();
    await server.stop();
    await supervision;
  };
  let stopped: Promise<void> | undefined;
  return {
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
