import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

/** A program that runs until it is ended. */
export interface Running {
  /** Why it is of no use any more, when it has ended by itself. */
  problem(): string | undefined;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();

// whatever happens, nothing that was started here stays
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program, with what it says in a file. */
export function start(
  [program, ...args]: readonly [string, ...string[]],
  options: { logFile: string; env?: Record<string, string>; cwd?: string },
): Running {
  const log = openSync(options.logFile, 'a');
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  running.add(child);
  let problem: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (why: string) => {
      problem = `${why}; its log is ${options.logFile}`;
      running.delete(child);
      resolve();
    };
    child.on('exit', (code) => end(`${program} has ended with ${code}`));
    child.on('error', ({ message }) => end(`${program} does not start: ${message}`));
  });
  return {
    problem: () => problem,
    async kill(signal) {
      if (problem !== undefined) return;
      child.kill(signal);
      await Promise.race([ended, delay(15_000)]);
      child.kill('SIGKILL');
    },
  };
}

/** Runs a program to its end. @throws when it fails */
export async function finish(
  [program, ...args]: readonly [string, ...string[]],
  options: { env?: Record<string, string> } = {},
): Promise<void> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${said.slice(-2000)}`);
}

/** Runs statements on a database node, as who may do everything. @returns the rows of the last one */
export async function sqlAt(port: number, ...statements: string[]): Promise<RowDataPacket[]> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port,
    user: 'root',
    connectTimeout: 5000,
  });
  connection.on('error', () => undefined);
  try {
    let rows: RowDataPacket[] = [];
    for (const sql of statements) {
      [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: 60_000 });
    }
    return rows;
  } finally {
    connection.destroy();
  }
}

/** Waits until something holds. @throws when it does not in time */
export async function until(
  what: string,
  test: () => Promise<boolean>,
  of?: Running,
  seconds = 120,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    if (await test().catch(() => false)) return;
    const problem = of?.problem();
    if (problem !== undefined) throw new Error(problem);
    if (performance.now() > deadline) throw new Error(`After ${seconds} s still not: ${what}`);
    await delay(200);
  }
}
