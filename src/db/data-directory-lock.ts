import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataDirectory } from '../data-directory.ts';
import { processStart } from './process-identity.ts';

/** Another running process holds the data directory. */
export class DataDirectoryInUseError extends Error {
  override readonly name = 'DataDirectoryInUseError';
  readonly pid: number;

  constructor(directory: string, pid: number) {
    const who = pid === process.pid ? 'This process' : `Another Latchkey (process ${pid})`;
    super(
      `${who} is already using the data directory ${directory}. ` +
        `Stop that one first, or give this one a directory of its own with DATA_DIR.`,
    );
    this.pid = pid;
  }
}

export interface DataDirectoryLock {
  release(): void;
}

interface Holder {
  pid: number;
  start: string;
}

/**
 * Locks the data directory for this process.
 *
 * Locks are files with ascending numbers, and only the highest number counts. It is never removed, only superseded by
 * the next number. That file is created with a hard link, which only one process can do. So a process that found a dead
 * holder can never remove the lock of another process that was quicker to replace it.
 *
 * @throws {DataDirectoryInUseError} when another running process holds the directory
 * @throws {ConfigError} when the directory cannot be made
 */
export function lockDataDirectory(directory: string): DataDirectoryLock {
  makeDataDirectory(directory);
  for (;;) {
    const latest = latestLock(directory);
    const holder = latest === 0 ? null : readHolder(lockPath(directory, latest));
    if (holder && processStart(holder.pid) === holder.start) {
      throw new DataDirectoryInUseError(directory, holder.pid);
    }
    const mine = latest + 1;
    if (!claim(directory, mine)) continue;
    if (latestLock(directory) > mine) {
      rmSync(lockPath(directory, mine), { force: true });
      continue;
    }
    removeSuperseded(directory, mine);
    return { release: () => release(directory, mine) };
  }
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

function latestLock(directory: string): number {
  const numbers = readdirSync(directory).map((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? 0);
  return Math.max(0, ...numbers.map(Number));
}

function readHolder(path: string): Holder | null {
  try {
    const holder: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isHolder(holder) ? holder : null;
  } catch {
    return null;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'pid' in value &&
    Number.isInteger(value.pid) &&
    'start' in value &&
    typeof value.start === 'string'
  );
}

/** Creates the lock together with its content, atomically; false when another process was quicker. */
function claim(directory: string, number: number): boolean {
  const draft = writeDraft(directory, { pid: process.pid, start: processStart(process.pid) });
  try {
    linkSync(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ENOENT: the winner of this round has already removed our draft.
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function writeDraft(directory: string, content: object): string {
  const draft = join(directory, `lock.draft-${randomUUID()}`);
  writeFileSync(draft, JSON.stringify(content), { mode: 0o600 });
  return draft;
}

function removeSuperseded(directory: string, mine: number): void {
  for (const name of readdirSync(directory)) {
    const number = /^lock\.(\d+)$/.exec(name)?.[1];
    if (name.startsWith('lock.draft-') || (number !== undefined && Number(number) < mine)) {
      rmSync(join(directory, name), { force: true });
    }
  }
}

function release(directory: string, number: number): void {
  const path = lockPath(directory, number);
  const holder = readHolder(path);
  if (holder?.pid !== process.pid) return;
  try {
    renameSync(writeDraft(directory, { released: new Date().toISOString() }), path);
  } catch {
    // The directory was removed in the meantime, and the lock with it.
  }
}
