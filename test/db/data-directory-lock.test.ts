import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataDirectoryInUseError, lockDataDirectory } from '../../src/db/data-directory-lock.ts';
import { type Child, startChild } from '../support/child.ts';

let directory: string;
let children: Child[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function startLocker(): Child {
  const child = startChild('lock-data-directory.ts', [directory]);
  children.push(child);
  return child;
}

test('a directory is locked once, and again after its release', () => {
  const lock = lockDataDirectory(directory);
  expect(() => lockDataDirectory(directory)).toThrow(DataDirectoryInUseError);
  lock.release();
  lockDataDirectory(directory).release();
});

test('releasing twice does not release the next lock', () => {
  const first = lockDataDirectory(directory);
  first.release();
  const second = lockDataDirectory(directory);
  first.release();
  expect(() => lockDataDirectory(directory)).toThrow(DataDirectoryInUseError);
  second.release();
});

test('the refusal names the directory, the process that has it, and the way out', async () => {
  const holder = startLocker();
  await holder.line('locked');
  expect(() => lockDataDirectory(directory)).toThrow(
    `Another Latchkey (process ${holder.pid}) is already using the data directory ${directory}. ` +
      'Stop that one first, or give this one a directory of its own with DATA_DIR.',
  );
});

test('of many that find the lock of a killed process, one alone takes it over', async () => {
  const killed = startLocker();
  await killed.line('locked');
  killed.kill('SIGKILL');
  await killed.exited;
  const racers = Array.from({ length: 8 }, startLocker);
  const answers = await Promise.all(
    racers.map((racer) => Promise.race([racer.line('locked'), racer.line('refused')])),
  );
  expect(answers.filter((answer) => answer === 'locked')).toHaveLength(1);
  expect(readdirSync(directory)).toHaveLength(1);
});

test('a pid that another process has been given does not keep the lock', () => {
  writeFileSync(join(directory, 'lock.7'), JSON.stringify({ pid: process.pid, start: 'earlier' }));
  lockDataDirectory(directory).release();
});

test('a lock file that holds no sense does not keep the lock', () => {
  writeFileSync(join(directory, 'lock.1'), '{"pid":');
  lockDataDirectory(directory).release();
});
