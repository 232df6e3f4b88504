import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../src/cli/diagnosis/finding.ts';
import { judgeServer } from '../../src/cli/diagnosis/server.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { keys } from '../../src/cli/keys.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import type { ServerFacts } from '../../src/db/server-facts.ts';
import { newName } from '../support/account.ts';
import { createCertificate } from '../support/certificate.ts';
import { runSql } from '../support/database.ts';
import { type OperatedDatabase, operatedDatabase } from '../support/least-privilege.ts';
import { runCommand } from '../support/terminal.ts';

let database: OperatedDatabase;
beforeAll(async () => {
  database = await operatedDatabase();
  // the first signing key
  await runCommand(keys, ['list'], { env: { DATABASE_URL: database.databaseUrl } });
});
afterAll(() => database.drop());

interface Report {
  code: number | null;
  healthy: boolean;
  findings: Finding[];
  output: string;
}

function certificateFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { cert, key } = createCertificate('doctor');
  const files = {
    HTTPS_CERT_PATH: join(folder, 'tls.crt'),
    HTTPS_KEY_PATH: join(folder, 'tls.key'),
  };
  writeFileSync(files.HTTPS_CERT_PATH, cert);
  writeFileSync(files.HTTPS_KEY_PATH, key);
  return files;
}

async function examine(env: Record<string, string> = {}, args: string[] = []): Promise<Report> {
  const { code, output } = await runCommand(doctor, ['--json', ...args], {
    env: {
      DATABASE_URL: database.databaseUrl,
      MIGRATION_DATABASE_URL: database.migrationDatabaseUrl,
      ...env,
    },
  });
  return { code, output, ...JSON.parse(output) };
}

const faults = (report: Report) => report.findings.filter(({ status }) => status !== 'ok');

/** The one fault that there is, or all of them. */
async function onlyFault(env: Record<string, string>): Promise<Finding | Finding[] | undefined> {
  const found = faults(await examine(env));
  return found.length === 1 ? found[0] : found;
}

const broken = (check: string, ...words: string[]) => ({
  check,
  status: 'broken',
  message: expect.stringMatching(words.join('.*')),
  mend: expect.any(String),
});

it('finds nothing where `create-db` and `migrate` were at work, and reads as lines', async () => {
  const report = await examine();
  expect(faults(report)).toEqual([]);
  expect(report).toMatchObject({ code: 0, healthy: true });
  const checks = new Set(report.findings.map(({ check }) => check));
  for (const check of ['version', 'charset', 'clock', 'grants', 'migrations', 'migration-user']) {
    expect(checks).toContain(check);
  }
  const { output } = await runCommand(doctor, [], { env: { DATABASE_URL: database.databaseUrl } });
  expect(output).toMatch(/^ok {7}grants/m);
  expect(output).toContain('0 broken, 0 warnings.');
});

it("misses no other user in a database of the service's own", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
  try {
    const { output } = await runCommand(doctor, [], { env: { DATA_DIR: directory } });
    expect(output).toMatch(/^ok {7}grants/m);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('names what is wrong with the variables', () => {
  it.each([
    ['a number that is none', { PORT: 'x' }, broken('configuration', 'PORT')],
    ['a short secret', { AUTH_SECRET: 'short' }, broken('secret', 'AUTH_SECRET')],
    [
      'a shared secret that opens everything',
      { JWT_ALGORITHM: 'HS256', JWT_SECRET: 'tests-only-0f5b6c2e9a7d4831bb60c1d2e3f4a596' },
      broken('secret', 'JWT_SECRET is an entry of AUTH_SECRET'),
    ],
    ['no URL', { PUBLIC_URL: 'auth.example.com' }, broken('public-url', 'PUBLIC_URL')],
    [
      'a proxy that is none',
      { TRUSTED_PROXIES: '10.0.0.0/99' },
      broken('configuration', 'PROXIES'),
    ],
    ['an unknown limit', { RATE_LIMITS: 'sogin=1/1' }, broken('configuration', 'RATE_LIMITS')],
    [
      'a file that is not there',
      { PERSISTED_OPERATIONS: 'nowhere.json' },
      broken('configuration', 'PERSISTED_OPERATIONS'),
    ],
  ])('%s', async (_what, env, fault) => {
    const report = await examine(env);
    expect(faults(report)).toEqual([fault]);
    expect(report.code).toBe(1);
    // the database is looked into all the same
    expect(report.findings).toContainEqual(expect.objectContaining({ check: 'grants' }));
  });

  it('all that production lacks', async () => {
    const report = await examine({ NODE_ENV: 'production', AUTH_SECRET: '', DATABASE_URL: '' });
    expect(report.code).toBe(1);
    const messages = faults(report).map(({ message }) => message);
    for (const name of ['DATABASE_URL', 'AUTH_SECRET', 'PUBLIC_URL']) {
      expect(messages).toContainEqual(expect.stringContaining(`${name} is required`));
    }
  });

  it('warns of what works and should not stay so, which --strict counts', async () => {
    const env = {
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://auth.example.com',
      ...{ MAIL: 'off', PLAYGROUND: 'off' },
    };
    const report = await examine(env);
    expect(faults(report)).toMatchObject([{ check: 'proxies', status: 'warning' }]);
    expect(report.code).toBe(0);
    expect((await examine(env, ['--strict'])).code).toBe(1);
    // where it ends TLS itself, a number would let everybody say what their address is
    const withTls = await examine({ ...env, ...certificateFiles() });
    expect(faults(withTls)).toMatchObject([
      { check: 'certificate', message: expect.stringContaining('not for auth.example.com') },
    ]);
    expect(withTls.findings).toContainEqual(
      expect.objectContaining({ check: 'certificate', message: expect.stringContaining('2049') }),
    );
    const open = { PUBLIC_URL: 'https://auth.example.com', AUTH_SECRET: 'abcd'.repeat(10) };
    const checks = faults(await examine(open)).map(({ check, status }) => `${check} ${status}`);
    expect(checks).toEqual(['secret warning', 'public-url warning', 'stored-secrets broken']);
  });
});

describe('names what is wrong with the database', () => {
  const withUrl = (change: (url: URL) => void) => {
    const url = new URL(database.databaseUrl);
    change(url);
    return { DATABASE_URL: url.toString() };
  };

  it('a wrong password, which it does not repeat', async () => {
    const env = withUrl((url) => {
      url.password = 'not-the-password';
    });
    const report = await examine(env);
    expect(faults(report)).toEqual([broken('database', 'refuses the user', 'password')]);
    expect(report.output).not.toContain('not-the-password');
    expect(report.output).not.toContain(new URL(database.migrationDatabaseUrl).password);
  });

  it('a database that is not there, or not ours', async () => {
    const env = withUrl((url) => {
      url.pathname = '/nowhere';
    });
    expect(await onlyFault(env)).toEqual(broken('database', 'no right to the database nowhere'));
    const root = new URL(database.rootUrl);
    root.pathname = '/nowhere';
    const fault = await onlyFault({ DATABASE_URL: root.toString() });
    expect(fault).toEqual(broken('database', 'There is no database nowhere'));
  });

  it('a server that is not there', async () => {
    const env = { DATABASE_URL: 'mysql://a:b@127.0.0.1:1/latchkey' };
    expect(await onlyFault(env)).toEqual(broken('database', 'Nothing listens', '127.0.0.1:1'));
    const nowhere = { DATABASE_URL: 'mysql://a:b@nowhere.invalid/latchkey' };
    expect(await onlyFault(nowhere)).toEqual(broken('database', 'There is no host'));
  });

  it('a user whose connections are all taken', async () => {
    const user = newName('few_');
    await runSql(
      database.rootUrl,
      `create user '${user}'@'%' identified by 'few' with max_user_connections 1`,
    );
    const taken = withUrl((url) => {
      url.username = user;
      url.password = 'few';
    });
    await runSql(database.rootUrl, `grant select on ${database.name}.* to '${user}'@'%'`);
    const connection = await createConnection(connectionOptions(taken.DATABASE_URL, () => ''));
    const fault = broken('database', `no connection left for ${user}`);
    expect(await onlyFault(taken)).toEqual(fault);
    await connection.end();
    await runSql(database.rootUrl, `drop user '${user}'@'%'`);
  });

  it('a server without an answer to be understood', async () => {
    const server = createServer((socket) => socket.end('no database'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const env = { DATABASE_URL: `mysql://a:b@127.0.0.1:${port}/latchkey` };
    expect(await onlyFault(env)).toMatchObject({ check: 'database', status: 'broken' });
    server.close();
  });

  it('another AUTH_SECRET than the one that encrypted what is there', async () => {
    const fault = await onlyFault({ AUTH_SECRET: 'another-7c1d9e02b64f48a3a5d0e8f6b2c39714' });
    expect(fault).toEqual(broken('stored-secrets', 'AUTH_SECRET lacks the entry'));
  });

  it('an AUTH_SECRET that opens the signing keys and not every TOTP secret', async () => {
    const url = database.rootUrl;
    await runSql(
      url,
      `insert into ${database.name}.users set id = 1, email = 'a', email_key = 'a', role = 'USER', status = 'ACTIVE', app_metadata = '{}', totp_secret = 'sealed elsewhere', created_at = now(), updated_at = now()`,
    );
    expect(await onlyFault({})).toEqual(broken('stored-secrets', 'TOTP secrets'));
    await runSql(url, `delete from ${database.name}.users`);
    expect(faults(await examine())).toEqual([]);
  });

  it('a migration that is missing', async () => {
    const fresh = await operatedDatabase({ migrated: false });
    const env = { MIGRATION_DATABASE_URL: fresh.migrationDatabaseUrl };
    const report = await examine({ ...env, DATABASE_URL: fresh.migrationDatabaseUrl });
    expect(faults(report)).toContainEqual(broken('migrations', 'lacks 0000_initial'));
    const service = await examine({ ...env, DATABASE_URL: fresh.databaseUrl });
    expect(faults(service)).toEqual([broken('database', 'has no right to the database')]);
    await fresh.drop();
  });

  it('rights that are missing, and rights that are too many', async () => {
    const account = `'${database.runtimeUser}'@'%'`;
    await runSql(database.rootUrl, `revoke delete on ${database.name}.sessions from ${account}`);
    expect(await onlyFault({})).toEqual(broken('grants', 'lacks DELETE on sessions'));
    await runSql(database.rootUrl, `grant select, delete on ${database.name}.* to ${account}`);
    expect(await onlyFault({})).toMatchObject({
      check: 'grants',
      status: 'warning',
      message: expect.stringMatching(/SELECT, DELETE on .*could change the audit log/),
    });
    await runSql(database.rootUrl, `revoke select, delete on ${database.name}.* from ${account}`);
    await runSql(database.rootUrl, `grant delete on ${database.name}.sessions to ${account}`);
    expect(faults(await examine())).toEqual([]);
  });

  it('a migration user who cannot migrate', async () => {
    const env = { MIGRATION_DATABASE_URL: database.databaseUrl.replace(/\/[^/]*$/, '/mysql') };
    const fault = await onlyFault({ ...env });
    expect(fault).toMatchObject({ check: 'migration-user', status: 'broken' });
  });

  it('a character set, an engine and a collation that lose something', async () => {
    const other = await operatedDatabase();
    const env = {
      DATABASE_URL: other.databaseUrl,
      MIGRATION_DATABASE_URL: other.migrationDatabaseUrl,
    };
    await runSql(other.rootUrl, `alter database ${other.name} character set latin1`);
    await runSql(other.rootUrl, 'alter table rate_limit_hits engine=MyISAM');
    await runSql(
      other.rootUrl,
      'alter table users modify email_key varchar(254) character set utf8mb4 collate utf8mb4_general_ci not null',
    );
    const found = faults(await examine(env));
    expect(found).toContainEqual(broken('charset', 'character set latin1'));
    expect(found).toContainEqual(broken('charset', 'byte for byte: users.email_key'));
    expect(found).toContainEqual(broken('engine', 'rate_limit_hits'));
    await other.drop();
  });

  it('a migration user who is gone, in whose name procedures run', async () => {
    const other = await operatedDatabase();
    await runSql(other.rootUrl, `drop user '${other.migrationUser}'@'%'`);
    const env = { DATABASE_URL: other.databaseUrl, MIGRATION_DATABASE_URL: '' };
    expect(await onlyFault(env)).toEqual(broken('procedures', 'The user who migrated is gone'));
    await other.drop();
  });
});

describe('names what is wrong with the server', () => {
  const sound: ServerFacts = {
    version: '8.4.3',
    global: new Map([
      ['sql_mode', 'STRICT_TRANS_TABLES'],
      ['time_zone', 'SYSTEM'],
      ['max_connections', '151'],
      ['read_only', 'OFF'],
    ]),
    session: new Map([
      ['sql_mode', 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'],
      ['time_zone', '+00:00'],
      ['transaction_isolation', 'READ-COMMITTED'],
    ]),
    skewMs: 40,
    databaseCharset: 'utf8mb4',
    tables: [{ name: 'users', engine: 'InnoDB', collation: 'utf8mb4_unicode_ci' }],
    inexactColumns: [],
  };
  const judge = (change: Partial<ServerFacts>) =>
    judgeServer({ ...sound, ...change }, 10).filter(({ status }) => status !== 'ok');
  const globally = (name: string, value: string) => ({
    global: new Map([...sound.global, [name, value]]),
  });
  const inSession = (name: string, value: string) => ({
    session: new Map([...sound.session, [name, value]]),
  });

  it('and nothing where nothing is', () => {
    expect(judge({})).toEqual([]);
    for (const version of [
      '9.7.0',
      '10.11.19-MariaDB-0+deb12u1',
      '11.4.2-MariaDB',
      '12.0.1-MariaDB',
    ]) {
      expect(judge({ version })).toEqual([]);
    }
  });

  it.each([
    ['an old MySQL', { version: '8.0.40' }, 'version', 'broken'],
    ['an old MariaDB', { version: '10.6.18-MariaDB-log' }, 'version', 'broken'],
    ['a sql_mode that is not strict', globally('sql_mode', ''), 'sql-mode', 'warning'],
    ['sessions that are reset', inSession('sql_mode', ''), 'sql-mode', 'broken'],
    ['another time zone', inSession('time_zone', '+02:00'), 'time-zone', 'broken'],
    [
      'another isolation',
      inSession('transaction_isolation', 'SERIALIZABLE'),
      'isolation',
      'broken',
    ],
    ['a clock that is a little off', { skewMs: -5000 }, 'clock', 'warning'],
    ['a clock that is wrong', { skewMs: 3_600_000 }, 'clock', 'broken'],
    ['too few connections', globally('max_connections', '5'), 'capacity', 'broken'],
    ['too small packets', globally('max_allowed_packet', '1024'), 'capacity', 'broken'],
    ['connections for one instance', globally('max_connections', '19'), 'capacity', 'warning'],
    ['too few statements', globally('max_prepared_stmt_count', '10'), 'capacity', 'warning'],
    ['a replica', globally('read_only', 'ON'), 'writable', 'broken'],
  ])('%s', (_what, change, check, status) => {
    expect(judge(change)).toMatchObject([{ check, status }]);
  });

  it('says for how many instances there is room', () => {
    const roomOf = (connections: number, global = sound.global) =>
      judgeServer({ ...sound, global }, connections).find(({ check }) => check === 'capacity');
    expect(roomOf(20)?.message).toContain('room for 7 instances of 20 connections');
    // 151 are not enough for fifteen pools of ten, each with the one beside it that /ready asks over
    expect(roomOf(10)?.message).toContain('room for 13 instances of 10 connections');
    expect(roomOf(151)?.status).toBe('broken');
    const few = new Map([...sound.global, ['max_prepared_stmt_count', '16382']]);
    expect(roomOf(20, few)?.message).toContain('room for 4 instances of 20 connections');
    expect(roomOf(100)).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('no more than 1 instance of 100'),
    });
  });

  it('a group that gives up a dead primary late, and a cut-off one never', () => {
    const group = [
      ['group_replication_group_name', 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'],
      ['group_replication_member_expel_timeout', '5'],
      ['group_replication_unreachable_majority_timeout', '0'],
    ] as const;
    expect(judge({ global: new Map([...sound.global, ...group]) })).toEqual([
      {
        check: 'cluster',
        status: 'warning',
        message: expect.stringContaining('for about 20 seconds'),
        mend: expect.stringContaining('member_expel_timeout = 0'),
      },
      {
        check: 'cluster',
        status: 'warning',
        message: expect.stringContaining('unreachable_majority_timeout is 0'),
        mend: expect.stringContaining('unreachable_majority_timeout = 10'),
      },
    ]);
    const mended = [
      ['group_replication_member_expel_timeout', '0'],
      ['group_replication_unreachable_majority_timeout', '10'],
    ] as const;
    expect(judge({ global: new Map([...sound.global, ...group, ...mended]) })).toEqual([]);
  });

  it('a binary log by statement', () => {
    const change = {
      global: new Map([['log_bin', 'ON'], ['binlog_format', 'STATEMENT'], ...sound.global]),
    };
    expect(judge(change)).toMatchObject([{ check: 'isolation', status: 'broken' }]);
  });
});

it('names a Redis that is not there', async () => {
  expect(await onlyFault({ REDIS_URL: 'redis://127.0.0.1:1' })).toEqual(
    broken('redis', 'Nothing listens'),
  );
});

describe('names what is wrong with the mail server', () => {
  let server: SMTPServer;
  let port: number;
  beforeAll(async () => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        password === 'right' ? done(null, { user: username }) : done(new Error('wrong')),
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

  const smtp = (user: string) => ({
    SMTP_URL: `smtp://${user}127.0.0.1:${port}?tls=off`,
    MAIL_FROM: 'no-reply@example.com',
  });

  it('and nothing where it lets the service in', async () => {
    for (const user of ['', 'mailer:right@']) {
      expect(faults(await examine(smtp(user)))).toEqual([]);
    }
  });

  it('a wrong password, nothing that listens, no URL', async () => {
    expect(await onlyFault(smtp('mailer:wrong@'))).toEqual(broken('mail', 'refuses the user'));
    const nowhere = { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'no-reply@example.com' };
    expect(await onlyFault(nowhere)).toEqual(broken('mail', 'does not answer'));
    const noUrl = { SMTP_URL: 'mail.example.com', MAIL_FROM: 'no-reply@example.com' };
    expect(await onlyFault(noUrl)).toMatchObject({ status: 'broken' });
  });
});
