import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataDirectory } from './data-directory.ts';

/**
 * The secrets of AUTH_SECRET, the current one first. Outside production AUTH_SECRET is optional: a secret is generated
 * once and kept in the data directory, so that a restart does not end every session.
 *
 * @throws {ConfigError} when the secret cannot be stored there
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
    // flag wx: when two processes start together, only one writes the file, and both read it
    try {
      writeFileSync(file, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (!existsSync(file)) throw error;
    }
  }
  return [readFileSync(file, 'utf8').trim()];
}
