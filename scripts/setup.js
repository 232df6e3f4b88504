// Prepares a checkout to run. `npm start` and `npm test` call it first. It prints a line for each thing it does, is quick if
// there is nothing to do, and needs only Node.
//
//   node scripts/setup.js                 the dependencies and a database server
//   node scripts/setup.js --no-database   the dependencies only
//   node scripts/setup.js --build         also compiles the service to dist/ and the account pages to web/dist/
//   node scripts/setup.js --test          also a browser and a Redis; TEST_DATABASE_URL replaces DATABASE_URL
//
// Does nothing in an image, which holds the build output but no sources.

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError, say } from './setup-step.js';

const OLDEST_NODE = [20, 19];

try {
  process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
  checkNode();
  if (existsSync('src')) await bringUp(new Set(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}

/** @param {ReadonlySet<string>} wanted */
async function bringUp(wanted) {
  // Imported late, so that an old Node gets the message of checkNode instead of a syntax error.
  const { installDependencies } = await import('./setup-dependencies.js');
  const { buildService } = await import('./setup-build.js');
  const { bundleService } = await import('./setup-bundle.js');
  const { buildPages } = await import('./setup-pages.js');
  const { provideBrowser } = await import('./setup-browser.js');
  const { provideDatabase } = await import('./setup-database.js');
  const { provideRedis } = await import('./setup-redis.js');
  installDependencies();
  if (wanted.has('--build')) {
    buildService();
    bundleService();
    buildPages();
  }
  if (!wanted.has('--no-database')) provideDatabase({ forTests: wanted.has('--test') });
  if (wanted.has('--test')) {
    provideBrowser();
    provideRedis();
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `Latchkey needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`,
  );
}
