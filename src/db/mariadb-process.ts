import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import type { MariadbBinaries } from '../../scripts/mariadb-binaries.js';
import { processCommand } from './process-identity.ts';

const READY_POLL_MS = 20;
// Recovery after a crash replays at most the small redo log below; a slow disk may need a while.
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** The paths of one embedded server. */
export interface ServerPaths {
  tables: string;
  socket: string;
  pidFile: string;
  logFile: string;
}

export interface ServerProcess {
  /** Resolves when the server has ended, with how it ended. */
  exited: Promise<string>;
  /** Resolves when the server answers; rejects when it ends instead, or takes too long. */
  ready(): Promise<void>;
  /** Shuts the server down in an orderly way, and kills it when that takes too long. */
  stop(): Promise<void>;
}

/** The embedded MariaDB server could not be set up or started. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}

// The shell becomes the server (exec), so that the child's pid and exit are the server's own. The background loop that
// it leaves behind reads from the service until the end of input, which comes when the service has ended, however it
// ended; then the loop stops the server. As a member of the server's process group, the loop also keeps the server's
// pid from being reused before it has sent its signals.
const LAUNCHER = `
echo $$ >"$1" && shift
exec 3<&0 </dev/null
{ while read -r _ <&3; do :; done
  kill -TERM $$
  for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 $$ || exit; done
  kill -KILL $$
} >/dev/null 2>&1 &
exec env -i "$@" 3<&-`;

/** The options that bootstrap and normal operation share. */
export function commonServerOptions(binaries: MariadbBinaries, tables: string): string[] {
  return [
    '--no-defaults',
    `--datadir=${tables}`,
    `--lc-messages-dir=${binaries.share}`,
    `--character-sets-dir=${join(binaries.share, 'charsets')}`,
    `--tmpdir=${tmpdir()}`,
    '--innodb-buffer-pool-size=64M',
    '--innodb-log-file-size=32M',
    '--innodb-temp-data-file-path=ibtmp1:1M:autoextend',
    '--table-open-cache=400',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
}

/**
 * Starts `mariadbd` in a process group of its own, so that Ctrl-C reaches only the service, which then stops the
 * server.
 */
export function spawnServer(
  binaries: MariadbBinaries,
  paths: ServerPaths,
  extraOptions: readonly string[],
): ServerProcess {
  const environment = binaries.libraryPath ? [`LD_LIBRARY_PATH=${binaries.libraryPath}`] : [];
  const options = [
    ...commonServerOptions(binaries, paths.tables),
    '--skip-networking',
    `--socket=${paths.socket}`,
    '--skip-name-resolve',
    '--skip-log-bin',
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_unicode_ci',
    '--default-time-zone=+00:00',
    '--local-infile=OFF',
    ...extraOptions,
  ];
  rmSync(paths.socket, { force: true });
  const logStart = existsSync(paths.logFile) ? statSync(paths.logFile).size : 0;
  const log = openSync(paths.logFile, 'a', 0o600);
  const command = [paths.pidFile, ...environment, binaries.server, ...options];
  const child = spawn('/bin/sh', ['-c', LAUNCHER, 'latchkey-database', ...command], {
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  // A process that forgets to stop the database can still exit; the launcher then stops the database.
  child.unref();
  const exited = exitOf(child);
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  return {
    exited,
    ready: () => untilReady(paths, () => ended, logStart),
    stop: () => stopChild(child, exited),
  };
}

function exitOf(child: ChildProcess): Promise<string> {
  // Writing never happens, but a reset pipe must not become an uncaught exception.
  child.stdin?.on('error', () => {});
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      signalGroup(child, 'SIGKILL');
      child.stdin?.destroy();
      resolve(signal ?? `exit code ${code}`);
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

async function stopChild(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const giveUp = setTimeout(() => signalGroup(child, 'SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(giveUp);
}

async function untilReady(
  paths: ServerPaths,
  hasEnded: () => boolean,
  logStart: number,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(paths.socket))) {
    if (hasEnded() || Date.now() > deadline) {
      const state = hasEnded() ? 'ended while starting' : 'did not become ready';
      throw new EmbeddedDatabaseError(
        `MariaDB ${state}. ${paths.logFile} says:\n${lastErrors(paths.logFile, logStart)}`,
      );
    }
    await sleep(READY_POLL_MS);
  }
}

async function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  try {
    const connection = await createConnection({ socketPath, user: 'root', connectTimeout: 2_000 });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}

function lastErrors(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n');
  const errors = lines.filter((line) => line.includes('[ERROR]'));
  return (errors.length > 0 ? errors : lines).slice(-5).join('\n');
}

/**
 * Stops a server that an earlier service left running on these tables. Usually its launcher has told it to stop
 * already, and this only waits.
 */
export async function stopLeftoverServer(paths: ServerPaths): Promise<void> {
  const pid = existsSync(paths.pidFile) ? Number(readFileSync(paths.pidFile, 'utf8')) : 0;
  if (!Number.isInteger(pid) || pid <= 1) return;
  const runs = () => processCommand(pid).includes(`--datadir=${paths.tables} `);
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; runs(); signal = 0) {
    try {
      process.kill(pid, Date.now() > deadline ? 'SIGKILL' : signal);
    } catch {
      // It has ended in the meantime.
    }
    await sleep(READY_POLL_MS);
  }
}
