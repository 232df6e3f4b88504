import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { findMariadb, UNPACKED_MARIADB, unpackedMariadb } from './mariadb-binaries.js';
import { canInstallPackages, installPackages } from './setup-debian.js';
import { excerpt, isInPath, run, SetupError, say } from './setup-step.js';

const SERVER_PACKAGE = 'mariadb-server-core';
const CLIENT_PACKAGE = 'mariadb-client-core';
const INSTALL_COMMANDS = {
  brew: 'brew install mariadb',
  'apt-get': `sudo apt-get install ${SERVER_PACKAGE}`,
  dnf: 'sudo dnf install mariadb-server',
  apk: 'sudo apk add mariadb',
  pacman: 'sudo pacman -S mariadb',
  zypper: 'sudo zypper install mariadb',
};

/**
 * Makes sure that there is a database server: the one that the user has configured, or a MariaDB that the service can start
 * by itself.
 *
 * @param {{ forTests: boolean }} options
 */
export function provideDatabase({ forTests }) {
  if (isNamed(forTests) || findMariadb()) return;
  const failure = isInPath('apt-get') && isInPath('dpkg') ? getFromDebian() : '';
  if (findMariadb()) return;
  const commands = Object.entries(INSTALL_COMMANDS).filter(([program]) => isInPath(program));
  const install = commands[0]?.[1] ?? 'see mariadb.org/download';
  throw new SetupError(
    `${failure && `${failure}\n`}No MariaDB server was found, and the service needs one. Do either:
  - install it:          ${install}
  - or use one you have: ${forTests ? 'TEST_' : ''}DATABASE_URL=mysql://user:password@host:3306/latchkey`,
  );
}

/** @param {boolean} forTests */
function isNamed(forTests) {
  if (forTests) return Boolean(process.env.TEST_DATABASE_URL);
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  const { DATABASE_URL, NODE_ENV } = { ...file, ...process.env };
  // In production the service starts no database, and reports a missing DATABASE_URL itself.
  return Boolean(DATABASE_URL) || NODE_ENV === 'production';
}

/** Gets a server from Debian's packages. @returns {string} why that failed, or an empty string */
function getFromDebian() {
  const failure = canInstallPackages()
    ? installPackages('MariaDB', [SERVER_PACKAGE, CLIENT_PACKAGE])
    : '';
  return findMariadb() ? '' : unpackPackages() || failure;
}

/** Unpacks the server and its missing libraries inside the checkout, which needs no root rights. */
function unpackPackages() {
  const home = dirname(UNPACKED_MARIADB);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(home)) {
    if (name.startsWith('mariadb.draft-')) rmSync(join(home, name), { recursive: true });
  }
  say(`unpacking MariaDB into ${UNPACKED_MARIADB} (apt-get download, dpkg -x)`);
  const draft = mkdtempSync(join(home, 'mariadb.draft-'));
  try {
    const packages = join(draft, 'packages');
    const tree = join(draft, 'tree');
    mkdirSync(packages);
    const failure = downloadPackages(packages);
    if (failure) return failure;
    for (const name of readdirSync(packages).filter((name) => name.endsWith('.deb'))) {
      const { ok, output } = run('dpkg', ['-x', join(packages, name), tree]);
      if (!ok) return `dpkg -x ${name} failed:\n${excerpt(output)}`;
    }
    const failed = whyItDoesNotRun(tree);
    if (failed) return failed;
    rmSync(UNPACKED_MARIADB, { recursive: true, force: true });
    renameSync(tree, UNPACKED_MARIADB);
    return '';
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param {string} directory */
function downloadPackages(directory) {
  /** @type {string[]} */
  let options = [];
  const download = () =>
    run('apt-get', [...options, 'download', ...missingPackages(options)], { cwd: directory });
  let result = download();
  if (!result.ok) {
    // The system's package lists are missing or outdated, and only root may update them, so use our own.
    mkdirSync(join(directory, 'lists/partial'), { recursive: true });
    options = [
      ...['-o', `Dir::State::lists=${directory}/lists`, '-o', `Dir::Cache=${directory}`],
      ...['-o', 'APT::Sandbox::User=root'],
    ];
    run('apt-get', [...options, 'update']);
    result = download();
  }
  return result.ok ? '' : `apt-get download failed:\n${excerpt(result.output)}`;
}

/**
 * Lists the server's package and its direct and indirect dependencies that are not installed.
 *
 * @param {string[]} options
 */
function missingPackages(options) {
  const missing = [SERVER_PACKAGE];
  // The loop also visits the packages that it appends.
  for (const name of missing) {
    const { stdout } = run('apt-cache', [...options, 'depends', '--important', name]);
    for (const [, dependency] of stdout.matchAll(/^ {2}(?:Pre)?Depends: ([^<\s]+)$/gm)) {
      if (dependency && !missing.includes(dependency) && !isInstalled(dependency)) {
        missing.push(dependency);
      }
    }
  }
  return missing;
}

/** @param {string} name */
function isInstalled(name) {
  return run('dpkg', ['-s', name]).stdout.includes('\nStatus: install ok installed\n');
}

/** @param {string} tree */
function whyItDoesNotRun(tree) {
  const found = unpackedMariadb(tree);
  if (!found) return 'The unpacked packages contain no MariaDB server.';
  const env = found.libraryPath ? { LD_LIBRARY_PATH: found.libraryPath } : {};
  const { ok, output } = run(found.server, ['--no-defaults', '--version'], { env });
  return ok ? '' : `The unpacked MariaDB does not run:\n${excerpt(output)}`;
}
