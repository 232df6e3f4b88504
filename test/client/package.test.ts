import { execFile, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Listener, listen } from '../../src/http/listen.ts';
import { PASSWORD, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(REPOSITORY, 'packages/client');
const README = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const README_URL = 'http://localhost:4000/graphql';
const TYPESCRIPT_7 = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
const TYPESCRIPT_5 = join(REPOSITORY, 'examples/gql.tada/node_modules/typescript/bin/tsc');
const PEERS = ['@apollo/client', '@urql/core', 'graphql', 'react', '@types/react', 'rxjs', 'wonka'];
const CODEGEN = join(REPOSITORY, 'examples/codegen');

// compilers and bundlers, on machines that have other things to do
vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'latchkey-client-'));
const consumer = join(root, 'consumer');

let app: TestApp;
let listener: Listener;

beforeAll(async () => {
  app = await createTestApp();
  listener = await listen(app.app.handler, { host: '127.0.0.1', port: 0, securityHeaders: {} });
  run('npm', ['pack', '--pack-destination', root], PACKAGE);
  const tarball = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? '';
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module", "private": true }');
  const url = `http://127.0.0.1:${listener.address.port}/graphql`;
  for (const [name, text] of blocks(README)) {
    const file = name === 'cookie' ? 'latchkey.ts' : `${name}.ts`;
    writeFileSync(join(consumer, file), text.replaceAll(README_URL, url));
  }
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(root, tarball)]);
}, 120_000);

afterAll(async () => {
  await listener?.close(0);
  await app?.close();
  rmSync(root, { recursive: true, force: true });
});

function run(command: string, args: string[], cwd = consumer): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 100_000,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs what the consumer has written, without blocking the service that it asks. */
function runBeside(file: string): Promise<string> {
  const tsx = join(REPOSITORY, 'node_modules/tsx/dist/cli.mjs');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsx, file], { cwd: consumer }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${stdout}${stderr}`)),
    );
  });
}

/** The blocks of a README by their names. */
function blocks(markdown: string): Map<string, string> {
  const found = markdown.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm);
  return new Map([...found].map(([, name = '', text = '']) => [name, text]));
}

/** What TypeScript must know, and must refuse. */
const TYPES = `
import { problemOf, request, type TypedDocument } from '@latchkey/client';
import * as documents from '@latchkey/client/documents';
import { latchkey } from './latchkey.js';

export async function types() {
  const { me } = await request(latchkey, documents.MeDocument);
  const email: string | undefined = me?.email;
  // @ts-expect-error the address is no number
  const wrong: number | undefined = me?.email;
  // @ts-expect-error its variables are needed
  await request(latchkey, documents.LoginDocument);
  // @ts-expect-error there is no such input
  await request(latchkey, documents.LoginDocument, { input: { name: 'ada', password: 'x' } });
  await request(latchkey, documents.MyAuditEventsDocument);
  const signal = AbortSignal.timeout(5);
  await request(latchkey, documents.MyAuditEventsDocument, { first: 3 }, { signal });
  const text = await request<{ me: { id: string } | null }>(latchkey, '{ me { id } }');
  const code: documents.ErrorCode = 'INVALID_CODE';
  return [email, wrong, text.me?.id, code, problemOf(null)?.retryAfter];
}

export type Result<T> = T extends TypedDocument<infer R, never> ? R : never;
export const input: documents.RegisterInput = { email: 'ada@example.com', password: 'x' };
`;

describe('the package', () => {
  it('is imported from an empty folder, with nothing beside it', () => {
    const script = `
      const core = await import('@latchkey/client');
      const documents = await import('@latchkey/client/documents');
      console.log(typeof core.createLatchkey, documents.MeDocument.kind);`;
    expect(run(process.execPath, ['--input-type=module', '-e', script])).toBe(
      'function Document\n',
    );
  });

  it('has types that hold without any library', () => {
    writeFileSync(join(consumer, 'types.ts'), TYPES);
    compile(['latchkey.ts', 'types.ts'], { skipLibCheck: false });
  });

  it('ships what belongs to it, and no source of a test', () => {
    const files = readdirSync(join(consumer, 'node_modules/@latchkey/client'));
    expect(files.sort()).toEqual([
      ...['LICENSE', 'README.md', 'dist', 'package.json', 'schema.graphql'],
    ]);
  });

  it('has the schema for generators, as introspection is off in production', () => {
    const script = `
      import { readFileSync } from 'node:fs';
      console.log(readFileSync(new URL(import.meta.resolve('@latchkey/client/schema.graphql')), 'utf8'));`;
    const schema = readFileSync(join(REPOSITORY, 'schema.graphql'), 'utf8');
    expect(run(process.execPath, ['--input-type=module', '-e', script])).toBe(`${schema}\n`);
  });
});

/** Checks files of the consumer by both compilers, resolving modules as Node does and as bundlers do. */
function compile(files: string[], options: Record<string, unknown>): void {
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'dom'], types: [] },
    ...{ module: 'nodenext', exactOptionalPropertyTypes: true, ...options },
  };
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  run(process.execPath, [TYPESCRIPT_7, '-p', '.']);
  run(process.execPath, [
    TYPESCRIPT_5,
    '-p',
    '.',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
  ]);
}

/**
 * A script that loads something for one person, finds that the session was ended elsewhere, and signs in another while a
 * query is in flight. It tells what came of each.
 */
const apart = (name: string, ask: string, ada: TestUser, grace: TestUser) => `
  import { problemOf, request } from '@latchkey/client';
  import { MeDocument } from '@latchkey/client/documents';
  import * as start from './${name}.ts';
  const { latchkey, signIn, whoAmI } = start;
  const send = globalThis.fetch;
  let held;
  globalThis.fetch = async (url, init) => {
    const answer = await send(url, init);
    if (init.body.includes('query Me')) await held;
    return answer;
  };
  const askAnew = async () => {
    const { data, error } = await ${ask};
    if (error) throw error;
    return data.me?.email ?? null;
  };
  await signIn('${ada.username}', '${PASSWORD}');
  await whoAmI();
  const query = 'mutation { logout(everywhere: true) { endedSessions } }';
  const authorization = 'Bearer ' + (await latchkey.accessToken());
  const headers = { 'content-type': 'application/json', authorization };
  await send(latchkey.url, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const failed = (error) => problemOf(error)?.code ?? String(error);
  const ended = await Promise.all([1, 2, 3].map(() => askAnew().catch(failed)));
  const afterEnd = await whoAmI();
  let arrive;
  held = new Promise((resolve) => { arrive = resolve; });
  const asked = askAnew().catch(failed);
  await signIn('${grace.username}', '${PASSWORD}');
  arrive();
  const inFlight = await asked;
  console.log(JSON.stringify({ ended, afterEnd, inFlight, next: await whoAmI() }));
  process.exit();`;

/** Puts libraries beside the package, as an application installs them. */
function linkLibraries(names: readonly string[]): void {
  for (const name of names) {
    const link = join(consumer, 'node_modules', name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(REPOSITORY, 'node_modules', name), link);
  }
}

describe('the README', () => {
  const names = [...blocks(README).keys()].filter((name) => name !== 'cookie');

  beforeAll(() => {
    linkLibraries([...PEERS, '@graphql-typed-document-node/core']);
    cpSync(join(CODEGEN, 'src'), join(consumer, 'codegen'), { recursive: true });
    const block = blocks(readFileSync(join(CODEGEN, 'README.md'), 'utf8')).get('clients') ?? '';
    writeFileSync(join(consumer, 'codegen/clients.ts'), block);
  });

  it('has code that compiles, and so has that of examples/codegen, whose documents all clients take', () => {
    expect(names.length).toBeGreaterThan(7);
    const files = ['types.ts', 'latchkey.ts', ...names.map((name) => `${name}.ts`)];
    compile([...files, 'codegen/clients.ts'], { skipLibCheck: true });
  });

  it.each(['fetch', 'apollo', 'urql'])('has a start for %s that works', async (name) => {
    const { username, email } = await registerUser(app);
    const script = `
      const { latchkey, signIn, whoAmI } = await import('./${name}.ts');
      const before = await whoAmI();
      const login = await signIn('${username}', '${PASSWORD}');
      const after = await whoAmI();
      await latchkey.signOut();
      console.log(JSON.stringify([before, login?.__typename, after, await whoAmI()]));
      process.exit();`;
    writeFileSync(join(consumer, `run-${name}.mts`), script);
    expect(JSON.parse(await runBeside(`run-${name}.mts`))).toEqual([
      null,
      'LoginSuccess',
      email,
      null,
    ]);
  });

  it.each([
    ['fetch', 'request(start.latchkey, MeDocument).then((data) => ({ data }))'],
    ['apollo', "start.client.query({ query: MeDocument, fetchPolicy: 'network-only' })"],
    ['urql', "start.client.query(MeDocument, {}, { requestPolicy: 'network-only' })"],
  ])('has a client for %s that keeps people apart, and breaks off nothing', async (name, ask) => {
    const [ada, grace] = [await registerUser(app), await registerUser(app)];
    writeFileSync(join(consumer, `apart-${name}.mts`), apart(name, ask, ada, grace));
    expect(JSON.parse(await runBeside(`apart-${name}.mts`))).toEqual({
      ended: Array(3).fill('UNAUTHENTICATED'),
      afterEnd: null,
      inFlight: null,
      next: grace.email,
    });
  });

  it('has a whole sign-in that works', async () => {
    const { username } = await registerUser(app);
    const script = `
      const { signIn } = await import('./login.ts');
      const ask = async () => '';
      console.log(await signIn('${username}', 'wrong wrong', ask));
      console.log(await signIn('${username}', '${PASSWORD}', ask));`;
    writeFileSync(join(consumer, 'run-login.mts'), script);
    expect(await runBeside('run-login.mts')).toMatch(
      /^The name or the password .*\nWelcome, .*@example.com\n$/,
    );
  });

  it('links to nothing beside it, for a registry shows it alone', () => {
    expect(README).not.toMatch(/\]\((?!https?:|#)/);
  });

  it('names every option, method and function that there is', () => {
    const read = (file: string) => readFileSync(join(PACKAGE, 'src', file), 'utf8');
    const members = (type: string) => {
      const [, body = ''] =
        new RegExp(`export interface ${type} \\{\\n([\\s\\S]*?)\\n\\}`).exec(read('latchkey.ts')) ??
        [];
      return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map(([, name = '']) => name);
    };
    expect(members('LatchkeyOptions').length).toBeGreaterThan(8);
    const told = README.slice(README.indexOf('## API'));
    for (const name of [...members('LatchkeyOptions'), ...members('Latchkey')]) {
      expect(told).toMatch(new RegExp(`\`${name}\\b`));
    }
    const exported = [
      ...read('index.ts').matchAll(/(?<!type )\b([a-z]\w+|OWN_OPERATIONS)\b(?=[, ]+(?:type|\}))/g),
    ];
    for (const [, name] of exported) expect(README).toContain(`${name}`);
  });
});

describe('the documents of examples/codegen', () => {
  it('are sent by all clients', async () => {
    const { username } = await registerUser(app);
    const script = `
      import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
      import { createLatchkey } from '@latchkey/client';
      import { Client, fetchExchange } from '@urql/core';
      import { byApollo, byKit, byUrql } from './codegen/clients.ts';
      const url = 'http://127.0.0.1:${listener.address.port}/graphql';
      const input = { identifier: '${username}', password: '${PASSWORD}' };
      const link = new HttpLink({ uri: url });
      const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
      const urql = new Client({ url, preferGetMethod: false, exchanges: [fetchExchange] });
      const answers = [
        await byKit(createLatchkey({ url }), input),
        (await byApollo(apollo, input)).data,
        (await byUrql(urql, input)).data,
      ];
      console.log(JSON.stringify(answers.map((data) => data?.login.__typename)));`;
    writeFileSync(join(consumer, 'run-codegen.mts'), script);
    expect(JSON.parse(await runBeside('run-codegen.mts'))).toEqual(Array(3).fill('LoginSuccess'));
  });
});

describe('the documents of examples/gql.tada', () => {
  it('have the types that all clients take', () => {
    linkLibraries([...PEERS, 'gql.tada']);
    cpSync(join(REPOSITORY, 'examples/gql.tada/src'), join(consumer, 'tada'), { recursive: true });
    const block = blocks(readFileSync(join(CODEGEN, 'README.md'), 'utf8')).get('clients') ?? '';
    const imported = "import type { LoginInput } from './generated/graphql.js';";
    expect(block).toContain(imported);
    const type = `import type { VariablesOf } from 'gql.tada';
      type LoginInput = VariablesOf<typeof Login>['input'];`;
    writeFileSync(join(consumer, 'tada/clients.ts'), block.replace(imported, type));
    compile(['tada/clients.ts'], { skipLibCheck: true, allowImportingTsExtensions: true });
  });
});

describe('the size', () => {
  const SIZES = [...README.matchAll(/^\| `@latchkey\/client(\S*)` .* ([\d.]+) kB/gm)].map(
    ([, entry = '', kilobytes]) => [entry, Number(kilobytes)] as const,
  );

  it('is told of each entry', () => {
    expect(SIZES.map(([entry]) => entry)).toEqual(['', '/apollo', '/urql', '/documents']);
  });

  it.each(SIZES)('of @latchkey/client%s is less than %s kB', async (entry, kilobytes) => {
    const { outputFiles } = await build({
      stdin: { contents: `export * from '@latchkey/client${entry}'`, resolveDir: consumer },
      ...{ bundle: true, minify: true, format: 'esm', write: false },
      external: PEERS.flatMap((peer) => [peer, `${peer}/*`]),
    });
    const size = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1000;
    expect(size).toBeLessThan(kilobytes);
    // and a figure that has become much too high is one too
    expect(size).toBeGreaterThan(kilobytes * 0.6);
  });
});
