import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { generate } from '../../examples/codegen/generate.ts';
import { signIn as signInByCodegen } from '../../examples/codegen/src/sign-in.ts';
import { signIn as signInByTada } from '../../examples/gql.tada/src/sign-in.ts';
import { type Listener, listen } from '../../src/http/listen.ts';
import { PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const CASES = [
  ...['LoginSuccess', 'MfaRequired', 'AccountLocked', 'InvalidCredentials', 'InvalidCode'],
  ...['AccountDisabled', 'EmailNotVerified'],
];
const EXAMPLES = [
  { name: 'codegen', compiler: 'node_modules/typescript/bin/tsc', signIn: signInByCodegen },
  {
    name: 'gql.tada',
    compiler: 'examples/gql.tada/node_modules/typescript/bin/tsc',
    signIn: signInByTada,
  },
];

// compilers and other processes, on machines that have other things to do
vi.setConfig({ testTimeout: 120_000 });

const directory = mkdtempSync(join(tmpdir(), 'latchkey-examples-'));
symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));

let app: TestApp;
let listener: Listener;

beforeAll(async () => {
  app = await createTestApp();
  listener = await listen(app.app.handler, { host: '127.0.0.1', port: 0, securityHeaders: {} });
});
afterAll(async () => {
  await listener.close(0);
  await app.close();
  rmSync(directory, { recursive: true, force: true });
});

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

describe.each(EXAMPLES)('examples/$name', ({ name, compiler, signIn }) => {
  const folder = join(REPOSITORY, 'examples', name);

  let problems: string[];

  // one run of the compiler for all: a copy of the example, and beside its file one for each case that is taken out
  beforeAll(() => {
    const copy = mkdtempSync(join(directory, 'copy-'));
    for (const part of ['src', 'tsconfig.json']) {
      cpSync(join(folder, part), join(copy, part), { recursive: true });
    }
    const source = readFileSync(join(copy, 'src/sign-in.ts'), 'utf8');
    for (const type of CASES) {
      const without = source.replace(new RegExp(`    case '${type}':\\n      return .*\\n`), '');
      expect(without).not.toBe(source);
      writeFileSync(join(copy, `src/without-${type}.ts`), without);
    }
    const args = [join(REPOSITORY, compiler), '-p', copy, '--pretty', 'false'];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    problems = stdout.split('\n').filter((line) => line.includes('error TS'));
  }, 120_000);

  it('compiles', () => {
    expect(problems.filter((line) => !line.includes('src/without-'))).toEqual([]);
  });

  it.each(CASES)('does not compile without the case of %s', (type) => {
    const found = problems.filter((line) => line.includes(`src/without-${type}.ts`));
    // TS1360: what is left does not satisfy never
    expect(found.join('\n')).toMatch(new RegExp(`error TS1360: .*"${type}"`));
  });

  it('signs in', async () => {
    const { username, email } = await registerUser(app);
    const url = `http://127.0.0.1:${listener.address.port}/graphql`;
    expect(await signIn(url, username, PASSWORD)).toBe(`Welcome, ${email}`);
    expect(await signIn(url, username, 'wrong wrong')).toMatch(/^The name or the password/);
  });

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(read(`examples/${name}/package.json`));
    for (const [, script = ''] of read(`examples/${name}/README.md`).matchAll(/npm run (\w+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
    expect(existsSync(join(folder, 'tsconfig.json'))).toBe(true);
  });
});

describe('what is generated', () => {
  it('of examples/codegen is that of the schema now (npm run -w examples/codegen generate)', async () => {
    for (const [name, text] of Object.entries(await generate())) {
      expect(read(`examples/codegen/src/generated/${name}`)).toBe(text);
    }
  });

  it('of examples/gql.tada is that of the schema now (npm run -w examples/gql.tada generate)', () => {
    const output = join(directory, 'graphql-env.d.ts');
    const script = join(REPOSITORY, 'examples/gql.tada/generate.js');
    const { status, stderr } = spawnSync(process.execPath, [script, '--output', output], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(readFileSync(output, 'utf8')).toBe(
      read('examples/gql.tada/src/generated/graphql-env.d.ts'),
    );
  });
});
