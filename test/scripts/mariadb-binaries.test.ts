import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findMariadb, systemTables, unpackedMariadb } from '../../scripts/mariadb-binaries.js';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-binaries-')));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
}

function writeShare(share: string, prefix: string): void {
  write(
    `${share}/maria_add_gis_sp_bootstrap.sql`,
    ...['system_tables', 'performance_tables', 'system_tables_data'].map(
      (name) => `${share}/${prefix}_${name}.sql`,
    ),
  );
}

test('a MariaDB in the PATH comes first, by its real place', () => {
  write('cellar/bin/mariadbd');
  writeShare('cellar/share/mysql', 'mariadb');
  mkdirSync(join(root, 'bin'));
  symlinkSync(join(root, 'cellar/bin/mariadbd'), join(root, 'bin/mariadbd'));
  vi.stubEnv('PATH', [join(root, 'nothing'), join(root, 'bin')].join(delimiter));
  const share = join(root, 'cellar/share/mysql');
  expect(findMariadb()).toEqual({
    server: join(root, 'cellar/bin/mariadbd'),
    share,
    libraryPath: null,
  });
  expect(systemTables(share)[0]).toBe(join(share, 'mariadb_system_tables.sql'));
});

test("MySQL's mysqld is not taken for MariaDB's", () => {
  write('bin/mysqld', 'share/mysql/mysql_system_tables.sql');
  vi.stubEnv('PATH', join(root, 'bin'));
  expect(findMariadb()?.server).not.toBe(join(root, 'bin/mysqld'));
});

test('an unpacked MariaDB brings its libraries', () => {
  expect(unpackedMariadb(root)).toBeNull();
  write('usr/sbin/mariadbd', 'usr/lib/x86_64-linux-gnu/a.so', 'lib/x86_64-linux-gnu/b.so');
  writeShare('usr/share/mysql', 'mysql');
  expect(unpackedMariadb(root)).toEqual({
    server: join(root, 'usr/sbin/mariadbd'),
    share: join(root, 'usr/share/mysql'),
    libraryPath: [join(root, 'lib/x86_64-linux-gnu'), join(root, 'usr/lib/x86_64-linux-gnu')].join(
      delimiter,
    ),
  });
});
