import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataDirectory } from './data-directory.ts';

/**
 * The secrets of AUTH_SECRET, the current one first. Outside production, where none has to be given, one is made once and
 * kept in the data directory, so that a restart does not end every session.
 *
 * @throws {ConfigError} when it cannot be kept there
 */
export function readSecrets(
  given: string[] | undefined,
  dataDirectory: string,
): [string, ...string[]] {
  const [current, ...older] = given ?? [];
  if (current !== undefined) return [current, ...older];
  const file = join(dataDirectory, 'auth-secret');
  if (!existsSync(file)) {
    makeDataDirectory(dataDirectory);
    // wx: of two processes that start together one writes, and both read what it wrote
    try {
      writeFileSync(file, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (!existsSync(file)) throw error;
    }
  }
  return [readFileSync(file, 'utf8').trim()];
}
