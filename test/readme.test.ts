import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Answer } from './support/app.ts';
import { dropDatabase, newDatabaseUrl } from './support/database.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const README = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
const OPERATION = readFileSync(join(REPOSITORY, 'docs/operation.md'), 'utf8');
const README_ORIGIN = 'http://localhost:4000';
const START_TIMEOUT_MS = 120_000;

/** The fenced blocks of the README with this info string, as they would be pasted but for the port. */
function blocks(info: string): string[] {
  const fences = README.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm);
  const found = [...fences].filter(([, its]) => its === info).map(([, , text = '']) => text);
  if (found.length === 0) throw new Error(`README.md has no block marked "${info}".`);
  return found.map((text) => text.replaceAll(README_ORIGIN, origin));
}

let origin: string;
let environment: NodeJS.ProcessEnv;
let service: ChildProcess;
let output = '';
const directory = mkdtempSync(join(tmpdir(), 'latchkey-readme-'));
const databaseUrl = newDatabaseUrl();

beforeAll(async () => {
  const port = await freePort();
  origin = `http://localhost:${port}`;
  environment = {
    ...process.env,
    ...unsetVariables(),
    PORT: String(port),
    DATA_DIR: join(directory, 'data'),
    DATABASE_URL: databaseUrl,
  };
  const built = run(process.execPath, ['scripts/setup.js', '--build']);
  expect(built.status, built.stderr).toBe(0);
  service = await startService();
}, START_TIMEOUT_MS);

afterAll(async () => {
  if (service?.exitCode === null) {
    const exited = new Promise((resolve) => service.once('exit', resolve));
    service.kill('SIGTERM');
    await exited;
  }
  await dropDatabase(databaseUrl);
  rmSync(directory, { recursive: true, force: true });
});

/** What the developer's own environment and .env say must not matter: an empty variable counts as not set. */
function unsetVariables(): Record<string, string> {
  const example = readFileSync(join(REPOSITORY, '.env.example'), 'utf8');
  return Object.fromEntries([...example.matchAll(/^#(\w+)=/gm)].map(([, name = '']) => [name, '']));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('No port was to be had.');
  return address.port;
}

function run(command: string, args: string[], input = '') {
  return spawnSync(command, args, {
    cwd: REPOSITORY,
    env: environment,
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
}

async function startService(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: REPOSITORY,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => output.includes('Latchkey is ready.') && resolve());
    child.once('exit', () => reject(new Error(`The service did not start:\n${output}`)));
  });
  return child;
}

async function gql(
  query: string,
  headers: Record<string, string> = {},
): Promise<Answer & { response: Response }> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { response, ...((await response.json()) as Answer) };
}

describe('the first walk', () => {
  let steps: string[];

  beforeAll(() => {
    const script = blocks('sh walk-through').map((block, step) => `echo "=== ${step}"\n${block}`);
    const walked = run('bash', ['-eu'], script.join('\n'));
    expect(walked.status, walked.stderr).toBe(0);
    expect(walked.stderr).toBe('');
    steps = walked.stdout.split(/^=== \d+\n/m).slice(1);
  }, 60_000);

  const answers = (step: number) => (steps[step] ?? '').trim().split('\n').map(parse);
  const parse = (line: string) => JSON.parse(line);

  it('begins by saying nothing', () => {
    expect(steps[0]).toBe('');
    expect(steps).toHaveLength(6);
  });

  it('registers', () => {
    const [{ data }] = answers(1);
    expect(data.register).toMatchObject({
      __typename: 'RegisterSuccess',
      user: { email: 'ada@example.com' },
      tokens: { accessToken: expect.any(String), refreshToken: expect.any(String) },
    });
  });

  it('signs in', () => {
    const [{ data }] = answers(2);
    expect(data.login.__typename).toBe('LoginSuccess');
    const { expiresAt, refreshExpiresAt, deviceToken } = data.login.tokens;
    expect(deviceToken).toEqual(expect.any(String));
    const days = (Date.parse(refreshExpiresAt) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(30);
    expect(Math.round((Date.parse(expiresAt) - Date.now()) / 60_000)).toBe(15);
  });

  it('says who that is, and where', () => {
    const [{ data }] = answers(3);
    expect(data.me).toMatchObject({ email: 'ada@example.com', username: 'ada', role: 'USER' });
    const { sessions } = data.me;
    expect(sessions.map(({ current }: { current: boolean }) => current)).toEqual([true, false]);
  });

  it('refreshes', () => {
    const [{ data }] = answers(4);
    expect(data.refresh.__typename).toBe('RefreshSuccess');
    const [login] = answers(2);
    expect(data.refresh.tokens.refreshToken).not.toBe(login.data.login.tokens.refreshToken);
  });

  it('signs out everywhere, at once', () => {
    const [logout, me] = answers(5);
    expect(logout.data.logout.endedSessions).toBe(2);
    expect(me).toMatchObject({
      data: { me: null },
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });
});

describe('the first administrator', () => {
  it('is created by the command, with a password from standard input', async () => {
    const [command = ''] = blocks('sh admin');
    const created = run('bash', ['-eu', '-c', command], 'another four words here\n');
    expect(created.status, created.stderr).toBe(0);
    expect(created.stdout).toContain('Created the administrator grace@example.com');

    const { data } = await gql(
      'mutation { login(input: { identifier: "grace", password: "another four words here" }) { ... on LoginSuccess { tokens { accessToken } } } }',
    );
    const authorization = `Bearer ${data.login.tokens.accessToken}`;
    const found = await gql('{ me { role } admin { dashboard { admins } } }', { authorization });
    expect(found.data).toEqual({ me: { role: 'ADMIN' }, admin: { dashboard: { admins: 1 } } });
  });

  it.each(['create-admin', 'keys', 'migrate'])('has the command %s as it is described', (name) => {
    const { status, stdout } = run(process.execPath, ['dist/cli/main.js', name, '--help']);
    expect(status).toBe(0);
    for (const [, action] of OPERATION.matchAll(new RegExp(`cli -- ${name} ([a-z]+)`, 'g'))) {
      expect(stdout).toContain(action);
    }
  });

  it('sees the key that signs', () => {
    const { stdout } = run(process.execPath, ['dist/cli/main.js', 'keys', 'list']);
    expect(stdout).toMatch(/^\S{43} {2}signing {4}signs from \S+Z\n$/);
  });
});

describe('the verification of tokens', () => {
  let token: string;
  let refreshToken: string;
  let verifyAccessToken: (token: string) => Promise<Record<string, unknown>>;

  beforeAll(async () => {
    const { data } = await gql(
      'mutation { register(input: { email: "katherine@example.com", password: "four words in a row" }) { ... on RegisterSuccess { tokens { accessToken refreshToken } } } }',
    );
    token = data.register.tokens.accessToken;
    refreshToken = data.register.tokens.refreshToken;
    const file = join(directory, 'verify.mjs');
    symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
    writeFileSync(file, blocks('js verify').join('\n'));
    ({ verifyAccessToken } = await import(/* @vite-ignore */ pathToFileURL(file).href));
  });

  it('tells whose a token is, in the claims that are described', async () => {
    const claims = await verifyAccessToken(token);
    const { data } = await gql('{ me { id role } }', { authorization: `Bearer ${token}` });
    expect(claims).toMatchObject({
      iss: origin,
      aud: 'latchkey',
      sub: data.me.id,
      role: 'USER',
      app: {},
      amr: ['pwd'],
    });
    const described = README.split('| Claim ')[1]?.split('\n\n')[0] ?? '';
    const names = described
      .split('\n')
      .flatMap((row) => row.split('|')[1]?.match(/\w+(?=`)/g) ?? []);
    expect(names.sort()).toEqual(Object.keys(claims).sort());
  });

  it('refuses what is no access token, or was changed', async () => {
    const [header, payload = '', signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const promoted = Buffer.from(JSON.stringify({ ...claims, role: 'ADMIN' })).toString(
      'base64url',
    );
    for (const wrong of [refreshToken, '', `${header}.${promoted}.${signature}`]) {
      await expect(verifyAccessToken(wrong)).rejects.toThrow();
    }
  });
});

describe('browsers', () => {
  it('get GraphiQL with the operations that are named', async () => {
    const response = await fetch(`${origin}/graphql`, { headers: { accept: 'text/html' } });
    expect(response.headers.get('content-type')).toContain('text/html');
    const page = await response.text();
    for (const name of ['EnableTotp', 'ConfirmTotp']) expect(page).toContain(`mutation ${name}`);
  });

  it('get cookies of the names that are told, and need the header', async () => {
    const { response, data } = await gql(
      'mutation { register(input: { email: "dorothy@example.com", password: "four words in a row", cookies: true }) { ... on RegisterSuccess { tokens { accessToken } } } }',
    );
    expect(data.register.tokens).toBeNull();
    const cookies = response.headers.getSetCookie();
    const names = cookies.map((cookie) => cookie.split('=', 1)[0] ?? '');
    expect(names).toEqual(['latchkey-access', 'latchkey-refresh', 'latchkey-device']);
    for (const name of names) expect(README).toContain(`\`__Host-${name}\``);

    const cookie = cookies.map((text) => text.split(';', 1)[0]).join('; ');
    const without = await gql('{ me { email } }', { cookie });
    expect(without.errors?.[0]?.extensions.code).toBe('CSRF_REJECTED');
    const withHeader = await gql('{ me { email } }', { cookie, 'x-csrf-protection': '1' });
    expect(withHeader.data.me.email).toBe('dorothy@example.com');
  });
});

it('writes log lines as the one that is shown', async () => {
  const [, shown = '{}'] = /^```json\n(\{"level".*)\n```$/m.exec(OPERATION) ?? [];
  await gql(
    'mutation Login { login(input: { identifier: "nobody", password: "x" }) { __typename } }',
  );
  // it is written after the answer
  const written = await vi.waitFor(() => {
    const found = output
      .split('\n')
      .find((line) => line.includes('"outcome":"InvalidCredentials"'));
    if (found === undefined) throw new Error('There is no such line yet.');
    return found;
  }, 10_000);
  expect(Object.keys(JSON.parse(written))).toEqual(Object.keys(JSON.parse(shown)));
});
