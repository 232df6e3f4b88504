import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../src/cli/keys.ts';
import { logIn, newName, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { startProcess } from '../support/process.ts';
import { runCommand } from '../support/terminal.ts';

let app: TestApp;
beforeAll(async () => {
  // the commands go by the real time
  app = await createTestApp({ overrides: { now: () => new Date() } });
});
afterAll(() => app.close());

function run(args: string[], input = '') {
  const env = { DATABASE_URL: app.databaseUrl, ARGON2_MEMORY: '8', ARGON2_PASSES: '1' };
  return startProcess('cli/main.js', args, env, input).finished;
}

describe('create-admin', () => {
  it('creates an administrator who can sign in, with a password from standard input', async () => {
    const email = `${newName('admin')}@example.com`;
    const { code, output } = await run(['create-admin', '--email', email], 'a long passphrase\n');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(email) });
    const signedIn = await logIn(app, { identifier: email, password: 'a long passphrase' });
    const token = signedIn.tokens.accessToken;
    const { data } = await app.gql('{ admin { users { totalCount } } me { role } }', {}, { token });
    expect(data.me.role).toBe('ADMIN');
    expect(data.admin.users.totalCount).toBeGreaterThan(0);
  });

  it('says what is wrong with the input, and takes no password as an argument', async () => {
    const weak = await run(['create-admin', '--email', 'nobody'], 'password\n');
    expect(weak.code).toBe(1);
    expect(weak.errors).toContain('email:');
    expect(weak.errors).toContain('password:');
    const { email } = await registerUser(app);
    const taken = await run(['create-admin', '--email', email], 'a long passphrase\n');
    expect(taken).toMatchObject({ code: 1, errors: expect.stringContaining('users promote') });
    const argument = await run(['create-admin', '--email', 'a@example.com', '--password', 'x']);
    expect(argument.code).toBe(2);
    expect(argument.errors).toContain('never an argument');
  });
});

describe('keys', () => {
  it('lists and rotates, and does not retire the only key that signs', async () => {
    const first = JSON.parse((await run(['keys', 'list', '--json'])).output);
    expect(first).toMatchObject([{ state: 'signing' }]);
    const refused = await run(['keys', 'retire', first[0].kid]);
    expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining('only key') });
    expect((await run(['keys', 'rotate', '--now'])).code).toBe(0);
    const both = JSON.parse((await run(['keys', 'list', '--json'])).output);
    expect(both).toMatchObject([{ state: 'signing' }, { state: 'next' }]);
    expect((await run(['keys', 'retire', both[1].kid])).code).toBe(0);
    expect(JSON.parse((await run(['keys', 'list', '--json'])).output)).toHaveLength(1);
  });
});

it('ends when the service could not start', async () => {
  await run(['keys', 'list']);
  const env = {
    DATABASE_URL: app.databaseUrl,
    AUTH_SECRET: 'another-7c1d9e02b64f48a3a5d0e8f6b2c3971',
  };
  const refused = await startProcess('cli/main.js', ['keys', 'list'], env).finished;
  expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining('lacks the entry') });
});

it.each([
  [['rotate', 'now']],
  [['list', 'all']],
  [['list', 'a'.repeat(43)]],
  [['retire']],
  [['retire', 'a', 'b']],
  [[]],
])('refuses keys %j before it touches the database', async (args) => {
  const env = { DATABASE_URL: 'mysql://nobody@localhost:1/none' };
  expect(await runCommand(keys, args, { env })).toMatchObject({
    code: 2,
    errors: expect.stringContaining('rotate --now'),
  });
});

it('takes a key id that begins with a dash for an id', async () => {
  const kid = `-${'a'.repeat(42)}`;
  const env = { DATABASE_URL: app.databaseUrl };
  const refused = await runCommand(keys, ['retire', kid], { env });
  expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining(`no key ${kid}`) });
});

describe('audit', () => {
  it('hands on what is on record as lines of JSON, and follows it', async () => {
    const user = await registerUser(app);
    const once = await run(['audit', 'tail', '--json', '--once', '--user', user.id]);
    expect(once.code).toBe(0);
    expect(
      once.output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ type: 'REGISTERED', userId: user.id, ipAddress: '127.0.0.1', detail: {} }]);
    const env = { DATABASE_URL: app.databaseUrl };
    const following = startProcess('cli/main.js', ['audit', 'tail', '--json', '--lines', '1'], env);
    await following.printed('"type"');
    await logIn(app, { identifier: user.email, password: 'wrong' });
    expect(await following.printed('LOGIN_FAILED')).toContain(user.id);
    following.child.kill('SIGTERM');
    expect((await following.finished).code).toBe(0);
  });

  it('tells whether the service could change what is on record', async () => {
    const { code, errors } = await run(['audit', 'verify']);
    expect(code).toBe(1);
    expect(errors).toContain('can change what is on record');
    const { output } = await run(['audit', 'verify', '--json']);
    expect(JSON.parse(output)).toEqual({
      isGuarded: false,
      canChange: true,
      missingProcedures: [],
    });
  });

  it.each([
    [['audit']],
    [['audit', 'head']],
    [['audit', 'tail', '--type', 'NONE']],
    [['audit', 'tail', '--since', 'yesterday']],
    [['audit', 'tail', '--lines', '-1']],
    [['audit', 'tail', '--lines', '']],
    [['audit', 'tail', '--user', 'ada']],
  ])('refuses %j', async (args) => {
    expect((await run(args)).code).toBe(2);
  });
});

it('teaches: without a command, with an unknown one, and with --help', async () => {
  expect(await run([])).toMatchObject({ code: 2, output: expect.stringContaining('create-admin') });
  expect((await run(['frobnicate'])).code).toBe(2);
  const all = await run(['-h']);
  expect(all).toMatchObject({ code: 0, output: expect.stringContaining('create-admin') });
  const help = await run(['keys', '--help']);
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining('rotate --now') });
});

it('says its version', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, output: '0.1.0\n', errors: '' });
});
