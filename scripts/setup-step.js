import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A problem that only the user can fix; the message says how. */
export class SetupError extends Error {}

/**
 * Prints a line to standard error, because standard output belongs to the command that follows.
 *
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** @param {string} program */
export function isInPath(program) {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return path.some((directory) => existsSync(join(directory, program)));
}

/**
 * Runs a command and captures its output.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 */
export function run(command, args, { cwd, env } = {}) {
  const result = spawnSync(command, args, {
    ...(cwd && { cwd }),
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`;
  return { ok: result.status === 0, stdout: result.stdout ?? '', output };
}

/**
 * Shortens the output of a failed command to its beginning and end, where the reason is.
 *
 * @param {string} output
 */
export function excerpt(output) {
  // After the actual error, npm explains its general usage.
  const lines = (output.split('\nnpm error Clean install')[0] ?? '').trimEnd().split('\n');
  return lines.length <= 15
    ? lines.join('\n')
    : [...lines.slice(0, 5), '…', ...lines.slice(-10)].join('\n');
}

/** @param {(string | Buffer)[]} parts */
export function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
