import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './config-error.ts';

/**
 * Makes the data directory where there is none, for its owner alone.
 *
 * @throws {ConfigError} when it cannot be made, or nothing can be written there
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
 * Makes a directory and those above it, for their owner alone, one by one: Node's `recursive` never ends where the system
 * says that there is no parent, and there is one, as in /proc.
 */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // another process was quicker
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
