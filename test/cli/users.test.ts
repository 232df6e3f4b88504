import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/cli/audit.ts';
import { exportUser } from '../../src/cli/export-user.ts';
import { purge } from '../../src/cli/purge.ts';
import { users } from '../../src/cli/users.ts';
import {
  auditTypes,
  CONFIRM_TOTP,
  ENABLE_TOTP,
  idBytes,
  isSignedIn,
  logIn,
  PASSWORD,
  registerUser,
  setRole,
  totpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { type RunOptions, runCommand } from '../support/terminal.ts';

let app: TestApp;
beforeAll(async () => {
  // the commands go by the real time
  app = await createTestApp({ overrides: { now: () => new Date() } });
});
afterAll(() => app.close());

const run = (command: typeof users, args: string[], options: RunOptions = {}) =>
  runCommand(command, args, { ...options, env: { DATABASE_URL: app.databaseUrl } });

describe('users', () => {
  it('are found by a part of their names, and shown by id, address or username', async () => {
    const ada = await registerUser(app);
    const found = await run(users, ['find', ada.username.slice(1).toUpperCase(), '--json']);
    expect(JSON.parse(found.output)).toMatchObject({ id: ada.id, email: ada.email });
    for (const who of [ada.id, ada.id.toUpperCase(), ada.email.toUpperCase(), ada.username]) {
      const shown = await run(users, ['show', who]);
      expect(shown).toMatchObject({ code: 0, output: expect.stringContaining(ada.email) });
      expect(shown.output).not.toMatch(/argon2|hash/i);
    }
    const nobody = await run(users, ['show', 'nobody']);
    expect(nobody).toMatchObject({ code: 1, errors: expect.stringContaining('"nobody"') });
    expect((await run(users, ['find', 'nobody at all'])).code).toBe(1);
    const unquoted = await run(users, ['find', 'nobody', 'at', 'all']);
    expect(unquoted).toMatchObject({ code: 2, errors: expect.stringContaining('quotes') });
    expect((await run(users, ['find', '%'])).code).toBe(1);
  });

  it('are made administrators and back, after a question where the address is not confirmed', async () => {
    const other = await registerUser(app);
    await setRole(app, other, 'ADMIN');
    const ada = await registerUser(app);
    const role = async () =>
      JSON.parse((await run(users, ['show', ada.id, '--json'])).output).role as string;
    const unasked = await run(users, ['promote', ada.email]);
    expect(unasked).toMatchObject({ code: 2, errors: expect.stringContaining('--yes') });
    expect((await run(users, ['promote', ada.email], { confirm: false })).code).toBe(1);
    expect(await role()).toBe('USER');
    expect((await run(users, ['promote', ada.email], { confirm: true })).code).toBe(0);
    expect(await role()).toBe('ADMIN');
    expect((await run(users, ['demote', ada.email])).code).toBe(0);
    expect(await role()).toBe('USER');
    expect((await run(users, ['promote', ada.email, '--yes'])).code).toBe(0);
    await run(users, ['demote', ada.email]);
    await runSql(app.databaseUrl, 'update users set email_verified_at = created_at where id = ?', [
      idBytes(ada.id),
    ]);
    expect((await run(users, ['promote', ada.email])).code).toBe(0);
    await run(users, ['demote', ada.email]);
    await setRole(app, other, 'USER');
    expect(
      (await auditTypes(app, ada.id)).filter((type) => type === 'USER_ROLE_CHANGED'),
    ).toHaveLength(6);
  });

  it('are freed of a second factor they have lost', async () => {
    const ada = await registerUser(app);
    const sending = { token: ada.accessToken };
    const begun = await app.gql(ENABLE_TOTP, { currentPassword: ada.password }, sending);
    const code = totpCode(begun.data.enableTotp.secret, new Date());
    await app.gql(CONFIRM_TOTP, { code }, sending);
    expect((await logIn(app, { identifier: ada.email })).__typename).toBe('MfaRequired');
    expect((await run(users, ['reset-totp', ada.email])).output).toContain(ada.email);
    expect(await logIn(app, { identifier: ada.email })).toMatchObject({
      __typename: 'LoginSuccess',
    });
  });

  it('are disabled and enabled, with the operator on record', async () => {
    const ada = await registerUser(app);
    expect((await run(users, ['disable', ada.email])).output).toContain('Disabled');
    expect(await isSignedIn(app, ada.accessToken)).toBe(false);
    expect(await logIn(app, { identifier: ada.email })).toMatchObject({ code: 'ACCOUNT_DISABLED' });
    await run(users, ['enable', ada.email]);
    expect(await logIn(app, { identifier: ada.email })).toMatchObject({
      __typename: 'LoginSuccess',
    });
    const rows = await runSql(
      app.databaseUrl,
      "select actor_id, user_agent from audit_events where type = 'USER_STATUS_CHANGED'",
    );
    expect(rows).toEqual([
      { actor_id: null, user_agent: 'command line' },
      { actor_id: null, user_agent: 'command line' },
    ]);
    const told = await run(audit, ['tail', '--once', '--user', ada.id]);
    expect(told.output).toMatch(/USER_STATUS_CHANGED .* by the operator/);
  });

  it('are unlocked', async () => {
    const ada = await registerUser(app);
    for (let attempt = 0; attempt < 6; attempt++) {
      await logIn(app, { identifier: ada.username, password: 'wrong' });
    }
    const locked = await logIn(app, { identifier: ada.username });
    expect(locked.__typename).toBe('AccountLocked');
    await run(users, ['unlock', ada.username]);
    expect((await logIn(app, { identifier: ada.username })).__typename).toBe('LoginSuccess');
    expect(await auditTypes(app, ada.id)).toContain('USER_UNLOCKED');
  });

  it('are deleted once the operator has agreed', async () => {
    const ada = await registerUser(app);
    expect(await run(users, ['delete', ada.email])).toMatchObject({
      code: 2,
      errors: expect.stringContaining('--yes'),
    });
    expect((await run(users, ['delete', ada.email], { confirm: false })).code).toBe(1);
    expect(await isSignedIn(app, ada.accessToken)).toBe(true);
    expect((await run(users, ['delete', ada.email], { confirm: true })).code).toBe(0);
    expect((await run(users, ['show', ada.email])).code).toBe(1);
    const bob = await registerUser(app);
    const deleted = await run(users, ['delete', bob.id, '--yes', '--json']);
    expect(JSON.parse(deleted.output)).toEqual({ deleted: bob.id });
  });

  it('keep their last administrator', async () => {
    const ada = await registerUser(app);
    await setRole(app, ada, 'ADMIN');
    for (const args of [
      ['disable', ada.email],
      ['delete', ada.email, '--yes'],
    ]) {
      expect(await run(users, args)).toMatchObject({ code: 1, errors: 'LAST_ADMIN\n' });
    }
  });

  it.each([
    [[]],
    [['find']],
    [['constructor', 'x']],
    [['show', 'a', 'b']],
    [['find', 'a', '--limit', '0']],
  ])('say how they are asked for: %j', async (args) => {
    expect((await run(users, args)).code).toBe(2);
  });
});

describe('export-user', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-export-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('hands out what the person gets, on the screen or in a file of one’s own', async () => {
    const ada = await registerUser(app);
    const asked = await app.gql('{ me { dataExport } }', {}, { token: ada.accessToken });
    const shown = JSON.parse((await run(exportUser, [ada.email])).output);
    const { exportedAt: _one, ...theirs } = asked.data.me.dataExport;
    const { exportedAt: _other, ...ours } = shown;
    expect(ours.user).toEqual(theirs.user);
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    const file = join(folder, 'ada.json');
    expect((await run(exportUser, [ada.id, '--output', file])).code).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8')).user.id).toBe(ada.id);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await run(exportUser, ['nobody'])).code).toBe(1);
    expect((await run(exportUser, [])).code).toBe(2);
  });
});

it('purge counts what it forgets', async () => {
  await registerUser(app);
  await runSql(app.databaseUrl, "update sessions set expires_at = '2020-01-01' limit 1");
  const first = JSON.parse((await run(purge, ['--json'])).output);
  expect(first.sessions).toBe(1);
  const second = JSON.parse((await run(purge, ['--json'])).output);
  expect(second.sessions).toBe(0);
  expect((await run(purge, [])).output).toMatch(/^ +0 {2}sessions$/m);
});

it('lets nothing that a client sends reach the terminal as a control character', async () => {
  const ada = await registerUser(app);
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
  const input = { identifier: ada.email, password: PASSWORD };
  await app.gql(login, { input }, { headers: { 'user-agent': 'evil\x9b31m' } });
  await runSql(app.databaseUrl, 'update users set display_name = ? where email = ?', [
    'evil\x9b31m\u200f',
    ada.email,
  ]);
  const outputs = [
    await run(audit, ['tail', '--once', '--json', '--user', ada.id]),
    await run(exportUser, [ada.id]),
    await run(users, ['show', ada.id, '--json']),
    await run(users, ['find', ada.email, '--json']),
  ].map(({ output }) => output);
  for (const output of outputs) {
    expect(output).toContain('evil\\u009b31m');
    expect(output).not.toMatch(/[\u007f-\u009f\u200f]/);
  }
});
