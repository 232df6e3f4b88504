// Tries to lock a data directory, prints whether it succeeded, and holds the lock until it is killed.
import { lockDataDirectory } from '../../src/db/data-directory-lock.ts';

const [, , directory = ''] = process.argv;
try {
  lockDataDirectory(directory);
  process.stdout.write('locked\n');
} catch (error) {
  process.stdout.write(`refused ${error instanceof Error ? error.message : error}\n`);
}
setInterval(() => {}, 1_000);
