import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLibrary } from '../../examples/library/src/library.ts';
import { createLatchkey, request } from '../../packages/client/src/index.ts';
import { type Listener, listen } from '../../src/http/listen.ts';
import {
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(join(REPOSITORY, 'examples/library/README.md'), 'utf8');
const ACCESS_SECONDS = 900;

// compilers and other processes, on machines that have other things to do
vi.setConfig({ testTimeout: 120_000 });

let app: TestApp;
let listener: Listener;
let issuer: string;
let admin: TestUser;

beforeAll(async () => {
  const port = await freePort();
  issuer = `http://localhost:${port}`;
  app = await createTestApp({ env: { PUBLIC_URL: issuer } });
  listener = await listen(app.app.handler, { host: '127.0.0.1', port, securityHeaders: {} });
  admin = await registerAdmin(app);
});
afterAll(async () => {
  await listener.close(0);
  await app.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('No port was to be had.');
  return address.port;
}

/** A library, and people in it as a page would have them: over the client kit. */
function createReadingRoom() {
  const library = createLibrary({ issuer, audience: 'latchkey', now: app.clock.now });
  const url = 'http://library.test/graphql';
  const fetchAny: typeof fetch = async (input, init) =>
    String(input) === url ? library.fetch(url, init as RequestInit) : fetch(input, init);

  const enter = async (role: string | null) => {
    const user = await registerUser(app);
    if (role !== null) {
      await app.gql(
        'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { __typename } }',
        { input: { id: user.id, appMetadata: { role } } },
        { token: admin.accessToken },
      );
    }
    const latchkey = createLatchkey({ url: `${issuer}/graphql`, fetch: fetchAny });
    const input = { identifier: user.username, password: PASSWORD };
    await request(
      latchkey,
      'mutation ($input: LoginInput!) { login(input: $input) { ... on LoginSuccess { tokens { accessToken refreshToken } } } }',
      { input },
    );
    const ask = (query: string, variables = {}) =>
      // biome-ignore lint/suspicious/noExplicitAny: tests read whatever they asked for
      request<any>(latchkey, query, variables, { url });
    return { ask, user, latchkey };
  };
  return { enter, library, url };
}

describe('the library', () => {
  it('shows its books to anybody', async () => {
    const { library, url } = createReadingRoom();
    const response = await library.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ books(search: "ADA") { title available } }' }),
    });
    expect(await response.json()).toEqual({
      data: { books: [{ title: 'The Analytical Engine', available: 1 }] },
    });
  });

  it('knows students and librarians apart, by what administrators of Latchkey have written', async () => {
    const { enter } = createReadingRoom();
    const [stranger, student, librarian] = [
      await enter(null),
      await enter('student'),
      await enter('librarian'),
    ];
    const borrow = 'mutation { borrow(book: "1") { id reader book { available } } }';
    const addBook = 'mutation { addBook(title: "Notes", author: "Grace Hopper") { id } }';
    await expect(stranger.ask(borrow)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const { borrow: lent } = await student.ask(borrow);
    expect(lent).toMatchObject({ reader: student.user.id, book: { available: 1 } });
    await expect(student.ask(addBook)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(student.ask('{ allBorrowings { id } }')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await librarian.ask(addBook)).toEqual({ addBook: { id: expect.any(String) } });
    expect((await librarian.ask('{ allBorrowings { id } }')).allBorrowings).toEqual([
      { id: lent.id },
    ]);
    expect((await librarian.ask('{ myBorrowings { id } }')).myBorrowings).toEqual([]);
  });

  it('lends a copy once, and takes it back from its reader or for a librarian', async () => {
    const { enter } = createReadingRoom();
    const [ada, grace, librarian] = [
      await enter('student'),
      await enter('student'),
      await enter('librarian'),
    ];
    const borrow = 'mutation { borrow(book: "2") { id } }';
    const giveBack = 'mutation ($id: ID!) { giveBack(borrowing: $id) }';
    const { id } = (await ada.ask(borrow)).borrow;
    expect((await grace.ask(borrow)).borrow).toBeNull();
    expect((await grace.ask(giveBack, { id })).giveBack).toBe(false);
    expect((await ada.ask(giveBack, { id })).giveBack).toBe(true);
    const lent = (await grace.ask(borrow)).borrow.id;
    expect((await librarian.ask(giveBack, { id: lent })).giveBack).toBe(true);
  });

  it('refuses a token that has expired, and the client kit refreshes it', async () => {
    const { enter, library, url } = createReadingRoom();
    const { ask, latchkey } = await enter('student');
    const old = await latchkey.accessToken();
    app.clock.advance(ACCESS_SECONDS + 1);
    const response = await library.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${old}` },
      body: JSON.stringify({ query: '{ myBorrowings { id } }' }),
    });
    const { errors } = (await response.json()) as { errors: { extensions: unknown }[] };
    expect(errors[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED' });
    expect((await ask('{ myBorrowings { id } }')).myBorrowings).toEqual([]);
    expect(await latchkey.accessToken()).not.toBe(old);
  });

  it('refuses what Latchkey has not signed for it', async () => {
    const { library, url } = createReadingRoom();
    const { accessToken, refreshToken } = await registerUser(app);
    const [header = '', payload = '', signature = ''] = accessToken.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const promoted = Buffer.from(JSON.stringify({ ...claims, app: { role: 'librarian' } }));
    const forged = `${header}.${promoted.toString('base64url')}.${signature}`;
    for (const token of [forged, refreshToken, 'x', '']) {
      const response = await library.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: '{ books { id } }' }),
      });
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
    }
  });
});

describe('its README', () => {
  it('has commands that work when pasted', async () => {
    const port = await freePort();
    const library = await startLibrary(port);
    try {
      const grace = await registerUser(app, {
        username: 'grace',
        password: 'another four words here',
      });
      await setRole(app, grace, 'ADMIN');
      const name = newName();
      const blocks = [...README.matchAll(/^```sh library\n([\s\S]*?)^```$/gm)].map(
        ([, text = '']) => text,
      );
      const script = blocks
        .join('\n')
        .replaceAll('http://localhost:4000', issuer)
        .replaceAll('http://localhost:4001', `http://localhost:${port}`)
        .replaceAll('ada@example.com', `${name}@example.com`)
        .replaceAll('"ada"', `"${name}"`)
        .replaceAll('token ada', `token ${name}`);
      const { stdout, stderr } = await bash(script);
      expect(stderr).toBe('');
      const answers = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(answers).toMatchObject([
        { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
        { data: { updateUser: { user: { appMetadata: { role: 'student' } } } } },
        { data: { borrow: { book: { title: 'A Wizard of Earthsea', available: 1 } } } },
        { data: { myBorrowings: [{ book: { title: 'A Wizard of Earthsea' } }] } },
        { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
      ]);
    } finally {
      library.kill();
    }
  });

  async function startLibrary(port: number): Promise<ChildProcess> {
    const tsx = join(REPOSITORY, 'node_modules/tsx/dist/cli.mjs');
    const child = spawn(process.execPath, [tsx, 'src/main.ts'], {
      cwd: join(REPOSITORY, 'examples/library'),
      env: { ...process.env, LATCHKEY_URL: issuer, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (text) => String(text).includes('is running') && resolve());
      child.once('exit', () => reject(new Error('The library did not start.')));
    });
    return child;
  }

  function bash(script: string): Promise<{ stdout: string; stderr: string }> {
    const child = spawn('bash', ['-eu', '-c', script]);
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => {
      said.stdout += text;
    });
    child.stderr.on('data', (text) => {
      said.stderr += text;
    });
    return new Promise((resolve) => child.once('close', () => resolve(said)));
  }
});

it('compiles as it stands', () => {
  const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'examples/library'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
