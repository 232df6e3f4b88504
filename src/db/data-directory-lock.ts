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
 * Takes the data directory for this process, or throws a `DataDirectoryInUseError`, or a `ConfigError` where it cannot be made.
 *
 * Locks are files numbered upwards, and the highest number alone counts. It is never removed, only
 * superseded by the next one, which a link creates and therefore one process alone can create. So
 * nobody who found a dead holder can remove the lock of somebody who was quicker to replace it.
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

/** Creates the lock with its content in one step; false when somebody else was quicker. */
function claim(directory: string, number: number): boolean {
  const draft = writeDraft(directory, { pid: process.pid, start: processStart(process.pid) });
  try {
    linkSync(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ENOENT: the winner of this round has tidied our draft away.
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
    // The directory was removed meanwhile, and the lock with it.
  }
}
