import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

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

/**
 * Where a system that has no MariaDB gets one unpacked: below the data directory.
 *
 * @param {string} dataDirectory
 */
export function unpackedMariadb(dataDirectory) {
  return join(dataDirectory, 'mariadb');
}

/**
 * The MariaDB server of this machine, or the one unpacked into the data directory. It is looked for
 * anew each time, which costs a few `stat` calls, so that no remembered path can be out of date.
 *
 * @param {string} dataDirectory
 * @returns {import('./mariadb-binaries.js').MariadbBinaries | null}
 */
export function findMariadb(dataDirectory) {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const directory of new Set([...path, ...SYSTEM_DIRECTORIES])) {
    const found = mariadbIn(directory);
    if (found) return { ...found, libraryPath: null };
  }
  const root = unpackedMariadb(dataDirectory);
  const unpacked = mariadbIn(join(root, 'usr/sbin'));
  return unpacked && { ...unpacked, libraryPath: librariesOf(root) };
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
 * The scripts that make the system tables; MariaDB 11 renamed them.
 *
 * @param {string} share
 */
export function systemTables(share) {
  const prefix = existsSync(join(share, 'mariadb_system_tables.sql')) ? 'mariadb' : 'mysql';
  return ['system_tables', 'performance_tables', 'system_tables_data'].map((name) =>
    join(share, `${prefix}_${name}.sql`),
  );
}

/**
 * The shared libraries unpacked along with the server, as LD_LIBRARY_PATH wants them.
 *
 * @param {string} root
 */
function librariesOf(root) {
  const directories = ['lib', 'usr/lib'].flatMap((lib) =>
    existsSync(join(root, lib))
      ? readdirSync(join(root, lib))
          .filter((name) => name.includes('-linux-'))
          .map((name) => join(root, lib, name))
      : [],
  );
  return directories.length > 0 ? directories.join(delimiter) : null;
}
