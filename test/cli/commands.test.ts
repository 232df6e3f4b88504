import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logIn, newName } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { startProcess } from '../support/process.ts';

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

it('teaches: without a command, with an unknown one, and with --help', async () => {
  expect(await run([])).toMatchObject({ code: 2, output: expect.stringContaining('create-admin') });
  expect((await run(['frobnicate'])).code).toBe(2);
  const help = await run(['keys', '--help']);
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining('rotate --now') });
});
