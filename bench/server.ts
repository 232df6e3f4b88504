import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server under measurement, in a process of its own. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LOG_END = 2000;

/**
 * Starts a server and waits until it accepts connections.
 *
 * @param options.args the arguments for Node; the program has to listen on 127.0.0.1 at PORT
 * @param options.env its whole environment, except PATH and PORT
 * @param options.folder its working directory, which also gets its log: a real file, so that logging costs what it costs in
 *   production
 */
export async function startServer(options: {
  name: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  folder: string;
}): Promise<Server> {
  const port = await freePort();
  const logFile = join(options.folder, `${options.name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, options.args, {
    cwd: options.folder,
    env: { PATH: process.env.PATH, ...options.env, PORT: String(port) },
    stdio: ['ignore', log, log],
  });
  await untilListening(child, port, logFile);
  // report an unexpected exit, which would otherwise show only as refused connections
  const onExit = (code: number | null, signal: string | null) => {
    const end = readFileSync(logFile, 'utf8').slice(-LOG_END);
    process.stderr.write(`${options.name} has ended by itself (${signal ?? code}):\n${end}\n`);
  };
  child.once('exit', onExit);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop() {
      child.off('exit', onExit);
      return stopChild(child);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilListening(child: ChildProcess, port: number, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const url = `http://127.0.0.1:${port}/`;
  // any answer means that the server is up
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`${child.spawnargs.join(' ')} did not start:\n${readFileSync(logFile)}`);
    }
    await sleep(50);
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(giveUp);
}

const TICKS_PER_SECOND = 100;

/** The processor time that a process has used so far, in milliseconds; undefined if the system does not report it. */
export function processorMs(pid: number): number | undefined {
  const stat = readProcess(pid, 'stat');
  if (stat === undefined) return undefined;
  // the name, in parentheses, may contain spaces; user and system time are the 12th and 13th fields after it
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** The peak memory of a process so far, in megabytes (10^6 bytes); undefined if the system does not report it. */
export function peakMemoryMb(pid: number): number | undefined {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readProcess(pid, 'status') ?? '') ?? [];
  return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
}

function readProcess(pid: number, file: 'stat' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
