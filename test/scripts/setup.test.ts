import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

let project: string;
let redisStep: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'latchkey-setup-'));
  cpSync(join(repository, 'scripts'), join(project, 'scripts'), { recursive: true });
  // whether there are a browser and a Redis is another matter than what is tested here
  redisStep = readFileSync(join(project, 'scripts/setup-redis.js'), 'utf8');
  write('scripts/setup-redis.js', 'export const provideRedis = () => {};\n');
  write('scripts/browser-binary.js', "export const findBrowser = () => '/a/browser';\n");
  for (const file of ['tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(repository, file), join(project, file));
  }
  write('src/main.ts', "import { other } from './other.ts';\nother();\n");
  write('src/other.ts', 'export function other(): void {}\n');
  write('dependency/package.json', JSON.stringify({ name: 'dependency', version: '1.0.0' }));
  write(
    'package.json',
    JSON.stringify({
      name: 'project',
      type: 'module',
      dependencies: { dependency: 'file:dependency' },
    }),
  );
  writeLockfile('1.0.0');
});

afterEach(() => {
  rmSync(project, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  const path = join(project, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function writeLockfile(version: string): void {
  const packages = {
    '': { name: 'project', dependencies: { dependency: 'file:dependency' } },
    dependency: { version },
    'node_modules/dependency': { resolved: 'dependency', link: true },
  };
  write('package-lock.json', JSON.stringify({ name: 'project', lockfileVersion: 3, packages }));
}

const NAMED_DATABASE = { DATABASE_URL: 'mysql://localhost/latchkey' };

/** Runs setup as in an empty environment, by default one that needs no database server. */
function setup(args: string[] = [], env: Record<string, string> = NAMED_DATABASE) {
  const { PATH = '', HOME = '' } = process.env;
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(project, 'scripts/setup.js'), ...args],
    { cwd: tmpdir(), env: { PATH, HOME, ...env }, encoding: 'utf8' },
  );
  expect(stdout).toBe('');
  return { status, lines: stderr.split('\n').filter(Boolean) };
}

const SILENT = { status: 0, lines: [] };
const INSTALLS = { status: 0, lines: ['setup: installing the dependencies (npm ci)'] };
const COMPILES = { status: 0, lines: ['setup: compiling the service (tsc)'] };

describe('dependencies', () => {
  test('are installed once, and again when the lockfile or the installation has changed', () => {
    expect(setup()).toEqual(INSTALLS);
    expect(existsSync(join(project, 'node_modules/dependency/package.json'))).toBe(true);
    expect(setup()).toEqual(SILENT);
    write('dependency/package.json', JSON.stringify({ name: 'dependency', version: '1.1.0' }));
    writeLockfile('1.1.0');
    expect(setup()).toEqual(INSTALLS);
    rmSync(join(project, 'node_modules'), { recursive: true });
    expect(setup()).toEqual(INSTALLS);
  });

  test('that somebody has installed by hand are left alone', () => {
    setup();
    rmSync(join(project, 'node_modules/.latchkey-setup'));
    expect(setup()).toEqual(SILENT);
    expect(existsSync(join(project, 'node_modules/.latchkey-setup'))).toBe(true);
  });

  test('of another platform are installed anew', () => {
    setup();
    write('node_modules/.latchkey-setup', 'another-platform hash');
    expect(setup()).toEqual(INSTALLS);
  });

  test('that cannot be installed stop it, with the reason that npm gives', () => {
    write('package-lock.json', '{ "lockfileVersion": 3, "packages": { "": {} } }');
    const { status, lines } = setup();
    expect(status).toBe(1);
    expect(lines.join('\n')).toMatch(/npm ci failed:[\s\S]*Missing: dependency/);
  });
});

test('an image, which has nothing to build from, is left as it is', () => {
  rmSync(join(project, 'src'), { recursive: true });
  rmSync(join(project, 'package-lock.json'));
  expect(setup(['--build'], {})).toEqual(SILENT);
  expect(existsSync(join(project, 'node_modules'))).toBe(false);
});

describe('the build', () => {
  beforeEach(() => {
    setup();
    for (const name of ['typescript', '@types', '@typescript', 'undici-types']) {
      const installed = join(repository, 'node_modules', name);
      if (existsSync(installed)) symlinkSync(installed, join(project, 'node_modules', name));
    }
  });

  test('is made once, and again when a source or an output has changed', () => {
    expect(setup(['--build'])).toEqual(COMPILES);
    expect(readFileSync(join(project, 'dist/main.js'), 'utf8')).toContain("'./other.js'");
    const startedAt = Date.now();
    expect(setup(['--build'])).toEqual(SILENT);
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    write('src/other.ts', 'export function other(): void { console.log(1); }\n');
    expect(setup(['--build'])).toEqual(COMPILES);
    expect(readFileSync(join(project, 'dist/other.js'), 'utf8')).toContain('console.log(1)');
    rmSync(join(project, 'dist/other.js'));
    expect(setup(['--build'])).toEqual(COMPILES);
    expect(existsSync(join(project, 'dist/other.js'))).toBe(true);
  });

  test('removes what came of a source that is gone, and nothing else', () => {
    setup(['--build']);
    write('dist/page.html', 'made by another tool');
    write('src/main.ts', 'console.log(2);\n');
    rmSync(join(project, 'src/other.ts'));
    expect(setup(['--build'])).toEqual(COMPILES);
    expect(existsSync(join(project, 'dist/other.js'))).toBe(false);
    expect(existsSync(join(project, 'dist/other.js.map'))).toBe(false);
    expect(existsSync(join(project, 'dist/page.html'))).toBe(true);
  });

  test('that fails stops it with what the compiler says, until the source is right', () => {
    write('src/other.ts', 'export function other(): void { return 1; }\n');
    for (const _ of [1, 2]) {
      const { status, lines } = setup(['--build']);
      expect(status).toBe(1);
      expect(lines.join('\n')).toMatch(/src\/other\.ts.*TS2322/);
    }
    write('src/other.ts', 'export function other(): void {}\n');
    expect(setup(['--build'])).toEqual(COMPILES);
  });
});

describe('the account pages', () => {
  const BUILDS = { status: 0, lines: ['setup: building the account pages (vite)'] };

  beforeEach(() => {
    setup();
    const files = ['src/main.ts', 'src/other.ts', 'tsconfig.json', 'tsconfig.build.json'];
    for (const file of files) rmSync(join(project, file));
    write('scripts/setup-build.js', 'export const buildService = () => {};\n');
    write('schema.graphql', 'type Query { me: ID }\n');
    write('packages/client/src/index.ts', 'export const kit = 1;\n');
    write(
      'web/build.js',
      "import { mkdirSync, writeFileSync } from 'node:fs';\nmkdirSync('web/dist', { recursive: true });\nwriteFileSync('web/dist/index.html', process.env.NODE_ENV);\n",
    );
  });

  test('are built once, and again when a source, the schema or the output has changed', () => {
    expect(setup(['--build'], { ...NAMED_DATABASE, NODE_ENV: 'development' })).toEqual(BUILDS);
    expect(readFileSync(join(project, 'web/dist/index.html'), 'utf8')).toBe('production');
    expect(setup(['--build'])).toEqual(SILENT);
    write('web/src/generated/account.ts', 'made by the build');
    expect(setup(['--build'])).toEqual(SILENT);
    write('web/src/main.tsx', 'a page');
    expect(setup(['--build'])).toEqual(BUILDS);
    write('schema.graphql', 'type Query { me: Int }\n');
    expect(setup(['--build'])).toEqual(BUILDS);
    write('packages/client/src/index.ts', 'export const kit = 2;\n');
    expect(setup(['--build'])).toEqual(BUILDS);
    rmSync(join(project, 'web/dist'), { recursive: true });
    expect(setup(['--build'])).toEqual(BUILDS);
    expect(setup(['--build'])).toEqual(SILENT);
  });

  test('that do not build stop it with the reason', () => {
    write('web/build.js', "throw new Error('a page is not right');\n");
    const { status, lines } = setup(['--build']);
    expect(status).toBe(1);
    expect(lines.join('\n')).toMatch(/account pages do not build:[\s\S]*a page is not right/);
  });
});

describe('the browser', () => {
  beforeEach(() => {
    setup();
    write('scripts/browser-binary.js', 'export const findBrowser = () => null;\n');
  });

  const NOWHERE = { PATH: '/nowhere', TEST_DATABASE_URL: 'mysql://localhost/latchkey' };

  test('that is missing is no reason to stop, but one to say so', () => {
    const { status, lines } = setup(['--test'], NOWHERE);
    expect(status).toBe(0);
    expect(lines.join('\n')).toMatch(/No Chromium was found.*SKIPPED/);
  });

  test('that is missing in CI stops it', () => {
    const { status, lines } = setup(['--test'], { ...NOWHERE, CI: 'true' });
    expect(status).toBe(1);
    expect(lines.join('\n')).toContain('No Chromium was found');
  });
});

describe('the Redis of the tests', () => {
  const NOWHERE = { PATH: '/nowhere', TEST_DATABASE_URL: 'mysql://localhost/latchkey' };

  beforeEach(() => {
    setup();
    write('scripts/setup-redis.js', redisStep);
  });

  test('that is missing is no reason to stop, but one to say so', () => {
    const { status, lines } = setup(['--test'], NOWHERE);
    expect(status).toBe(0);
    expect(lines.join('\n')).toMatch(/No redis-server was found.*SKIPPED/);
  });

  test('that is missing in CI stops it', () => {
    const { status, lines } = setup(['--test'], { ...NOWHERE, CI: 'true' });
    expect(status).toBe(1);
    expect(lines.join('\n')).toContain('No redis-server was found');
  });

  test.skipIf(process.getuid?.() !== 0)(
    'is installed by root, after a look at newer package lists if it takes that',
    () => {
      write(
        'bin/apt-get',
        `#!/bin/sh
cd ${project}/bin
case "$1" in
  update) echo > lists ;;
  install) [ -e lists ] && printf '#!/bin/sh\\n' > redis-server && /bin/chmod +x redis-server ;;
esac
`,
      );
      chmodSync(join(project, 'bin/apt-get'), 0o755);
      expect(setup(['--test'], { ...NOWHERE, PATH: join(project, 'bin') })).toEqual({
        status: 0,
        lines: ['setup: installing Redis for the tests (apt-get install redis-server)'],
      });
    },
  );

  test('is none of the business of the service', () => {
    expect(setup([], { ...NOWHERE, ...NAMED_DATABASE })).toEqual(SILENT);
  });
});

describe('the database server', () => {
  /** On a machine that has no MariaDB and no way of getting one that setup knows. */
  function setupWithoutServer(args: string[] = [], env: Record<string, string> = {}) {
    return setup(args, { PATH: join(project, 'bin'), ...env });
  }

  beforeEach(() => {
    setup();
    write(
      'scripts/mariadb-binaries.js',
      "export const findMariadb = () => null, unpackedMariadb = findMariadb, UNPACKED_MARIADB = '';\n",
    );
  });

  test('that is missing and cannot be fetched stops it with what to do', () => {
    const { status, lines } = setupWithoutServer();
    expect(status).toBe(1);
    expect(lines[0]).toBe(
      'setup: No MariaDB server was found, and the service needs one. Do either:',
    );
    expect(lines.join('\n')).toContain(' DATABASE_URL=mysql://');
  });

  test('that the user names, in the environment or in .env, is enough', () => {
    expect(setupWithoutServer([], NAMED_DATABASE)).toEqual(SILENT);
    write('.env', '# ours\nDATABASE_URL="mysql://db.example/latchkey"\n');
    expect(setupWithoutServer()).toEqual(SILENT);
  });

  test('for the tests is not the one that the service is to use', () => {
    const { status, lines } = setupWithoutServer(['--test'], NAMED_DATABASE);
    expect(status).toBe(1);
    expect(lines.join('\n')).toContain(' TEST_DATABASE_URL=mysql://');
    const named = { TEST_DATABASE_URL: 'mysql://localhost/latchkey' };
    expect(setupWithoutServer(['--test'], named)).toEqual(SILENT);
  });

  test('is not wanted for a build', () => {
    expect(setup(['--no-database'], {})).toEqual(SILENT);
  });

  test('is none of its business in production', () => {
    expect(setupWithoutServer([], { NODE_ENV: 'production' })).toEqual(SILENT);
  });
});
