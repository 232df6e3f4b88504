import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SERVER_NAMES = ['mariadbd', 'mysqld'];
const SYSTEM_DIRECTORIES = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/local/bin',
  '/usr/libexec',
  '/usr/local/mysql/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/usr/local/opt/mariadb/bin',
  '/home/linuxbrew/.linuxbrew/opt/mariadb/bin',
  '/opt/local/lib/mariadb/bin',
];
const SHARE_DIRECTORIES = ['share/mysql', 'share/mariadb', 'share'];

/** Where setup unpacks a MariaDB that it cannot install. There is one for the checkout, independent of DATA_DIR. */
export const UNPACKED_MARIADB = fileURLToPath(new URL('../.data/mariadb', import.meta.url));

/**
 * Finds this machine's MariaDB server, or else the one unpacked into the checkout. Searches again on every call, which costs
 * a few `stat` calls, because a remembered path could be outdated.
 *
 * @returns {import('./mariadb-binaries.js').MariadbBinaries | null}
 */
export function findMariadb() {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const directory of new Set([...path, ...SYSTEM_DIRECTORIES])) {
    const found = mariadbIn(directory);
    if (found) return { ...found, libraryPath: null };
  }
  return unpackedMariadb(UNPACKED_MARIADB);
}

/**
 * Finds the MariaDB server in a folder into which Debian packages were unpacked.
 *
 * @param {string} root
 * @returns {import('./mariadb-binaries.js').MariadbBinaries | null}
 */
export function unpackedMariadb(root) {
  const found = mariadbIn(join(root, 'usr/sbin'));
  return found && { ...found, libraryPath: librariesOf(root) };
}

/**
 * Finds the scripts that create the system tables; MariaDB 11 renamed them.
 *
 * @param {string} share
 */
export function systemTables(share) {
  const prefix = existsSync(join(share, 'mariadb_system_tables.sql')) ? 'mariadb' : 'mysql';
  return ['system_tables', 'performance_tables', 'system_tables_data'].map((name) =>
    join(share, `${prefix}_${name}.sql`),
  );
}

/** @param {string} directory */
function mariadbIn(directory) {
  for (const name of SERVER_NAMES) {
    const path = join(directory, name);
    if (!existsSync(path)) continue;
    // MySQL's server is called mysqld too, but has no MariaDB scripts beside it.
    const server = realpathSync(path);
    const share = serverShare(server);
    if (share) return { server, share };
  }
  return null;
}

/** @param {string} server */
function serverShare(server) {
  const prefix = dirname(dirname(server));
  return SHARE_DIRECTORIES.map((name) => join(prefix, name)).find(
    (share) =>
      existsSync(join(share, 'maria_add_gis_sp_bootstrap.sql')) &&
      systemTables(share).every((file) => existsSync(file)),
  );
}

/**
 * Lists the shared libraries unpacked with the server, in the format of LD_LIBRARY_PATH.
 *
 * @param {string} root
 */
function librariesOf(root) {
  const directories = ['lib', 'usr/lib']
    .filter((lib) => existsSync(join(root, lib)))
    .flatMap((lib) => readdirSync(join(root, lib)).map((name) => join(root, lib, name)))
    .filter((directory) => directory.includes('-linux-'));
  return directories.length > 0 ? directories.join(delimiter) : null;
}
