import { afterEach, describe, expect, it } from 'vitest';
import { createDb } from '../../src/cli/create-db.ts';
import { migrate } from '../../src/cli/migrate.ts';
import { loadConfig } from '../../src/config.ts';
import { openServices } from '../../src/services.ts';
import { newName } from '../support/account.ts';
import { TEST_SECRET } from '../support/app.ts';
import { dropDatabase, runSql } from '../support/database.ts';
import {
  type OperatedDatabase,
  operatedDatabase,
  serverArguments,
} from '../support/least-privilege.ts';
import { runCommand } from '../support/terminal.ts';

const opened: OperatedDatabase[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.drop();
});

async function open(options?: { migrated?: boolean }): Promise<OperatedDatabase> {
  const database = await operatedDatabase(options);
  opened.push(database);
  return database;
}

const urls = ({ databaseUrl, migrationDatabaseUrl }: OperatedDatabase) => ({
  DATABASE_URL: databaseUrl,
  MIGRATION_DATABASE_URL: migrationDatabaseUrl,
});

function again({ name, runtimeUser, migrationUser }: OperatedDatabase, more: string[] = []) {
  const { args, env } = serverArguments();
  const names = ['--runtime-user', runtimeUser, '--migration-user', migrationUser];
  return runCommand(createDb, [...args, '--database', name, ...names, '--json', ...more], { env });
}

describe('create-db', () => {
  it('makes a database and two users, and prints how to reach it, this once', async () => {
    const { args, env } = serverArguments();
    const database = newName('latchkey_cli_');
    const names = ['--runtime-user', newName('run_'), '--migration-user', newName('mig_')];
    const { DB_PASSWORD: secret = '' } = env;
    // the password may be typed as well
    const made = await runCommand(createDb, [...args, '--database', database, ...names], {
      secret,
    });
    expect(made.code).toBe(0);
    const [service = '', migration = '', ...more] = made.output.trim().split('\n');
    expect(service).toMatch(/^DATABASE_URL=mysql:\/\/run_/);
    expect(migration).toMatch(/^MIGRATION_DATABASE_URL=mysql:\/\/mig_/);
    expect(more).toEqual([]);
    const password = new URL(service.replace('DATABASE_URL=', '')).password;
    expect(password.length).toBeGreaterThan(30);
    expect(made.errors).not.toContain(password);
    const root = new URL(migration.replace('MIGRATION_DATABASE_URL=', ''));
    expect(await runSql(root.toString(), 'select @@character_set_database as charset')).toEqual([
      { charset: 'utf8mb4' },
    ]);
    await runSql(root.toString(), `drop database ${database}`);
    for (const user of [names[1], names[3]]) await dropUser(String(user));
  });

  it('may be run again: passwords and rights stay, and what is too much is taken away', async () => {
    const database = await open();
    const first = JSON.parse((await again(database)).output);
    expect(first).toEqual({
      created: { database: false, runtimeUser: false, migrationUser: false },
      ...{ granted: [], revoked: 0, databaseUrl: null, migrationDatabaseUrl: null },
    });
    const account = `'${database.runtimeUser}'@'%'`;
    await runSql(database.rootUrl, `grant all on ${database.name}.* to ${account}`);
    await runSql(database.rootUrl, `revoke select on ${database.name}.users from ${account}`);
    const second = JSON.parse((await again(database)).output);
    expect(second.revoked).toBe(1);
    const third = JSON.parse((await again(database)).output);
    expect(third).toMatchObject({ revoked: 0, granted: [] });
    // it still works, and cannot do more than it should
    await runSql(database.databaseUrl, 'select count(*) from users');
    await expect(runSql(database.databaseUrl, 'delete from audit_events')).rejects.toMatchObject({
      code: 'ER_TABLEACCESS_DENIED_ERROR',
    });
  });

  it('gives new passwords when it is asked to', async () => {
    const database = await open();
    const renewed = JSON.parse((await again(database, ['--new-passwords'])).output);
    expect(renewed.databaseUrl).not.toBe(database.databaseUrl);
    await runSql(renewed.databaseUrl, 'select 1');
    await expect(runSql(database.databaseUrl, 'select 1')).rejects.toMatchObject({
      code: 'ER_ACCESS_DENIED_ERROR',
    });
  });

  it('takes names with every character', async () => {
    const { args, env } = serverArguments();
    const database = newName('latchkey-cli$_');
    const runtimeUser = `o'r"u\`n\\${newName('')}`;
    const migrationUser = `m%_@ ${newName('')}`;
    const names = ['--runtime-user', runtimeUser, '--migration-user', migrationUser, '--json'];
    const made = await runCommand(createDb, [...args, '--database', database, ...names], { env });
    const { databaseUrl, migrationDatabaseUrl } = JSON.parse(made.output);
    const migrated = await runCommand(migrate, ['--json'], {
      env: { DATABASE_URL: databaseUrl, MIGRATION_DATABASE_URL: migrationDatabaseUrl },
    });
    expect(JSON.parse(migrated.output).granted).toContain('users');
    expect(await runSql(databaseUrl, 'select count(*) as n from users')).toEqual([{ n: 0 }]);
    // the wildcards of a grant are taken for characters
    const other = migrationDatabaseUrl.replace(
      encodeURIComponent(database),
      database.replace('_', 'x'),
    );
    await expect(runSql(other, 'select 1')).rejects.toMatchObject({ errno: 1044 });
    await dropDatabase(migrationDatabaseUrl);
    for (const user of [runtimeUser, migrationUser]) await dropUser(user);
  });

  it.each([
    [['--port', 'x'], '--port'],
    [['--database', 'a`b'], '--database'],
    [['--runtime-user', 'a', '--migration-user', 'a'], 'must be two'],
  ])('refuses %j', async (args, reason) => {
    const refused = await runCommand(createDb, args, { env: { DB_PASSWORD: '' } });
    expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining(reason) });
  });

  it('refuses a database of another character set', async () => {
    const database = await open({ migrated: false });
    await runSql(database.rootUrl, `alter database ${database.name} character set latin1`);
    expect(await again(database)).toMatchObject({
      code: 2,
      errors: expect.stringContaining('ALTER DATABASE'),
    });
  });
});

describe('migrate', () => {
  it('says what it would do, does it, and gives the service its rights', async () => {
    const database = await open({ migrated: false });
    const env = urls(database);
    const dry = await runCommand(migrate, ['--dry-run'], { env });
    expect(dry.output).toMatch(/^Would apply 0000_initial, .*Nothing was changed/);
    expect(await runSql(database.rootUrl, 'show tables')).toEqual([]);
    const done = JSON.parse((await runCommand(migrate, ['--json'], { env })).output);
    expect(done.applied).toContain('0000_initial');
    expect(done.granted).toContain('audit_events');
    const after = JSON.parse((await runCommand(migrate, ['--json'], { env })).output);
    expect(after).toEqual({ applied: [], granted: [], dryRun: false });
  });

  it('needs no secret of the service, not even in production', async () => {
    const database = await open({ migrated: false });
    const env = { ...urls(database), NODE_ENV: 'production', AUTH_SECRET: '', PUBLIC_URL: '' };
    expect((await runCommand(migrate, [], { env })).code).toBe(0);
  });

  it('is safe when ten run at the same moment', async () => {
    const database = await open({ migrated: false });
    const runs = Array.from({ length: 10 }, () =>
      runCommand(migrate, ['--json'], { env: urls(database) }),
    );
    const done = (await Promise.all(runs)).map(({ output }) => JSON.parse(output));
    expect(done.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
  });
});

describe('a service whose user may not change tables', () => {
  const config = (databaseUrl: string) =>
    loadConfig({ NODE_ENV: 'test', AUTH_SECRET: TEST_SECRET, DATABASE_URL: databaseUrl });

  it('starts on a database that is up to date', async () => {
    const services = await openServices(config((await open()).databaseUrl));
    await services.close();
  });

  it('changes nothing on one that is not, and says what to do', async () => {
    const database = await open();
    const [newest] = await runSql<{ tag: string }>(
      database.rootUrl,
      'select max(tag) as tag from schema_migrations',
    );
    const tag = String(newest?.tag);
    await runSql(database.rootUrl, 'delete from schema_migrations where tag = ?', [tag]);
    const refusal = { code: 'RIGHTS', message: expect.stringContaining('npm run cli -- migrate') };
    await expect(openServices(config(database.databaseUrl))).rejects.toMatchObject(refusal);
    const fresh = await open({ migrated: false });
    await expect(openServices(config(fresh.databaseUrl))).rejects.toMatchObject(refusal);
    expect(await runSql(fresh.rootUrl, 'show tables')).toEqual([]);
  });
});

async function dropUser(user: string): Promise<void> {
  const root = new URL(opened[0]?.rootUrl ?? (await open({ migrated: false })).rootUrl);
  await runSql(root.toString(), "drop user if exists ?@'%'", [user]);
}
