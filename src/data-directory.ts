import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './config-error.ts';

/**
 * Creates the data directory if it does not exist, readable by its owner only.
 *
 * @throws {ConfigError} when it cannot be created or written to
 */
export function makeDataDirectory(directory: string): void {
  try {
    makeDirectory(directory);
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : 'unknown';
    throw new ConfigError([
      `DATA_DIR cannot be made or written to (${reason}): name a directory that the user of the service may write to`,
    ]);
  }
}

/**
 * Creates a directory and its missing parents, readable by their owner only. It goes level by level because Node's
 * `recursive` option never returns where the system reports a missing parent that does exist, as in /proc.
 */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // another process created it first
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
