import { scryptSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash as argon2Hash } from 'argon2';
import { hash as bcryptHash } from 'bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCommand } from '../../src/cli/import.ts';
import { readImport } from '../../src/cli/import-file.ts';
import { auditTypes, logIn, newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { startProcess } from '../support/process.ts';
import { runCommand } from '../support/terminal.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ overrides: { now: () => new Date() } });
});
afterAll(() => app.close());

const folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Buffer, extension = 'jsonl'): string {
  const path = join(folder, `${newName('import')}.${extension}`);
  writeFileSync(path, content);
  return path;
}

const jsonl = (...records: unknown[]) =>
  records
    .map((record) => (typeof record === 'string' ? record : JSON.stringify(record)))
    .join('\n');

async function run(args: string[]) {
  const { code, output, errors } = await runCommand(importCommand, [...args, '--json'], {
    env: { DATABASE_URL: app.databaseUrl },
  });
  const reasons = errors.split('\n').filter((line) => line !== '');
  return { code, reasons, ...JSON.parse(output) };
}

const newEmail = () => `${newName()}@example.com`;

const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
function scryptHash(): string {
  const salt = Buffer.from('salt of sixteen.');
  return `$scrypt$ln=4,r=8,p=1$${base64(salt)}$${base64(scryptSync(PASSWORD, salt, 32, { N: 16, r: 8, p: 1 }))}`;
}

const HASHES: [string, () => Promise<string> | string][] = [
  ['bcrypt $2b$', () => bcryptHash(PASSWORD, 4)],
  ['bcrypt $2a$', async () => (await bcryptHash(PASSWORD, 4)).replace('$2b$', '$2a$')],
  ['bcrypt $2y$', async () => (await bcryptHash(PASSWORD, 4)).replace('$2b$', '$2y$')],
  ['argon2id', () => argon2Hash(PASSWORD, { memoryCost: 64, timeCost: 2, parallelism: 1 })],
  ['argon2i', () => argon2Hash(PASSWORD, { type: 1, memoryCost: 64, parallelism: 1 })],
  ['argon2d', () => argon2Hash(PASSWORD, { type: 0, memoryCost: 64, parallelism: 1 })],
  ['scrypt', scryptHash],
];

it.each(HASHES)('takes in %s; it signs in, and becomes argon2id then', async (_what, make) => {
  const [email, username] = [newEmail(), newName()];
  const record = { email, username, passwordHash: await make() };
  expect(await run([file(jsonl(record))])).toMatchObject({ code: 0, imported: 1, bad: 0 });
  const stored = () =>
    runSql(app.databaseUrl, 'select password_hash as hash from users where email = ?', [email]);
  expect(await stored()).toEqual([{ hash: record.passwordHash }]);
  expect((await logIn(app, { identifier: email, password: 'wrong' })).code).toBe(
    'INVALID_CREDENTIALS',
  );
  expect((await logIn(app, { identifier: username })).__typename).toBe('LoginSuccess');
  expect(await stored()).toEqual([{ hash: expect.stringMatching(/^\$argon2id\$v=19\$m=8,/) }]);
  expect((await logIn(app, { identifier: username })).__typename).toBe('LoginSuccess');
});

const COLUMNS =
  'id, username, display_name, role, status, app_metadata, email_verified_at, created_at, password_hash';

it('keeps what a line says, from JSON and from CSV, and puts it on record', async () => {
  const record = {
    username: newName(),
    displayName: 'Zoë "the" O’Neil, née 李',
    role: 'ADMIN',
    status: 'disabled',
    emailVerified: true,
    createdAt: '2019-02-03T04:05:06.789+01:00',
    appMetadata: { plan: 'pro', seats: [1, 2] },
  };
  const one = newEmail();
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const two = { ...record, email: newEmail(), username: newName() };
  const values = Object.values({ ...two, appMetadata: JSON.stringify(two.appMetadata) });
  const csv = `\uFEFF${Object.keys(two).join(',')}\r\n${values.map((value) => quote(String(value))).join(',')}\r\n`;
  expect(await run([file(jsonl({ email: one, ...record }))])).toMatchObject({ imported: 1 });
  expect(await run([file(csv, 'csv')])).toMatchObject({ imported: 1, bad: 0 });
  for (const email of [one, two.email]) {
    const [row] = await runSql(app.databaseUrl, `select ${COLUMNS} from users where email = ?`, [
      email,
    ]);
    expect(row).toMatchObject({
      display_name: record.displayName,
      ...{ role: 'ADMIN', status: 'DISABLED', password_hash: null },
      app_metadata: JSON.stringify(record.appMetadata),
      email_verified_at: new Date('2019-02-03T03:05:06.789Z'),
      created_at: new Date('2019-02-03T03:05:06.789Z'),
    });
    const id = Buffer.from(row?.id as Buffer).toString('hex');
    expect(await auditTypes(app, id)).toEqual(['USER_CREATED']);
  }
});

it('leaves those as they are who are there, so it can be run again', async () => {
  const ada = await registerUser(app);
  const path = file(
    jsonl(
      { email: newEmail() },
      { email: ada.email.toUpperCase(), displayName: 'Eve' },
      { email: newEmail(), username: newName() },
    ),
  );
  expect(await run([path])).toMatchObject({ code: 0, imported: 2, skipped: 1, bad: 0 });
  expect(await run([path])).toMatchObject({ code: 0, imported: 0, skipped: 3, bad: 0 });
  const { data } = await app.gql('{ me { displayName } }', {}, { token: ada.accessToken });
  expect(data.me.displayName).toBeNull();
});

it('changes nothing in a dry run, and finds the same', async () => {
  const path = file(jsonl({ email: newEmail() }, { email: newEmail(), role: 'GOD' }));
  const dry = await run([path, '--dry-run']);
  expect(dry).toMatchObject({ code: 1, imported: 1, bad: 1, dryRun: true });
  expect(await run([path])).toMatchObject({ imported: 1, skipped: 0, bad: 1 });
});

describe('a bad line', () => {
  const SECRET = '$2b$31$thisIsAHashThatNobodyMayEverSee'.padEnd(60, 'x');

  it('is told by its number and reason, and by nothing that is in it; others are imported', async () => {
    const taken = newName();
    const twice = newEmail();
    const lines: [unknown, RegExp | null][] = [
      [{ email: twice, username: taken }, null],
      [`{"email": "${SECRET}`, /no JSON object/],
      ['[]', /no JSON object/],
      [{ email: 'x', passwordHash: SECRET }, /passwordHash: It has a cost outside.*email: /],
      [{ email: newEmail(), passwordHash: `md5:${SECRET}` }, /passwordHash: It is no hash/],
      [{ email: newEmail(), passwordHash: 7 }, /passwordHash: Give a string/],
      ['', null],
      [{ email: newEmail(), username: taken.toUpperCase() }, /username: Another account/],
      [{ email: twice.toUpperCase() }, /email: An earlier line/],
      [{ email: newEmail(), [SECRET]: 'x' }, /a field: There is no such field/],
      [{ email: newEmail(), pasword: 'x' }, /pasword: There is no such field/],
      [{ email: newEmail(), createdAt: '2999-01-01' }, /createdAt/],
      [{ email: newEmail(), createdAt: '2024-02-30' }, /createdAt/],
      [{ email: newEmail(), createdAt: '31.12.2020' }, /createdAt/],
      [{ email: newEmail(), emailVerified: 'perhaps' }, /emailVerified/],
      [{ email: newEmail(), status: 'GONE' }, /status: Give ACTIVE or DISABLED/],
      [{ email: newEmail(), appMetadata: '{' }, /appMetadata/],
      [{ email: newEmail(), appMetadata: { a: 'x'.repeat(3000) } }, /appMetadata/],
      [{ email: newEmail(), displayName: 'x'.repeat(40_000) }, /longer than/],
      [{ email: newEmail() }, null],
    ];
    const errorsFile = join(folder, 'bad.jsonl');
    const path = file(jsonl(...lines.map(([line]) => line)));
    const done = await run([path, '--errors', errorsFile]);
    const bad = lines.flatMap(([, reason], index) => (reason === null ? [] : [{ index, reason }]));
    expect(done).toMatchObject({ code: 1, imported: 2, bad: bad.length });
    expect(done.reasons).toEqual(
      bad.map(({ index }) => expect.stringMatching(new RegExp(`^line ${index + 1}: `))),
    );
    for (const [place, { reason }] of bad.entries()) expect(done.reasons[place]).toMatch(reason);
    const written = readFileSync(errorsFile, 'utf8');
    expect(
      written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).line),
    ).toEqual(bad.map(({ index }) => index + 1));
    for (const text of [done.reasons.join(), written]) {
      expect(text).not.toContain('thisIsAHash');
      expect(text).not.toContain(twice);
    }
  });

  it('of a CSV file costs no other one', async () => {
    const csv = [
      'email,displayName',
      `${newEmail()},"unclosed`,
      `${newEmail()},fo"o`,
      `${newEmail()}`,
      `${newEmail()},a,$argon2id$v=19$m=65536,t=3,p=4$x`,
      `${newEmail()},"fine, it is"`,
      '',
      `${newEmail()},also fine`,
    ].join('\n');
    const done = await run([file(csv, 'csv')]);
    expect(done).toMatchObject({ code: 1, imported: 2, bad: 4 });
    expect(done.reasons.map((reason: string) => reason.slice(0, 7))).toEqual(
      [2, 3, 4, 5].map((line) => `line ${line}:`),
    );
    expect(done.reasons.at(-1)).toContain('needs quotes');
    expect(done.reasons.join()).not.toContain('argon2');
  });

  it('is one that is not UTF-8', async () => {
    const broken = Buffer.from(
      jsonl({ email: newEmail(), displayName: 'X' }).replace('X', 'é'),
      'latin1',
    );
    const done = await run([
      file(Buffer.concat([broken, Buffer.from(`\n${jsonl({ email: newEmail() })}`)])),
    ]);
    expect(done).toMatchObject({ imported: 1, bad: 1, reasons: ['line 1: not UTF-8'] });
  });
});

it('reads lines of any length, cut anywhere, and holds none that is too long', async () => {
  async function* chunks() {
    yield Buffer.from('{"a":1}\n{"a"');
    yield Buffer.from(':2}\n');
    for (let part = 0; part < 100; part++) yield Buffer.alloc(10_000, 'x');
    yield Buffer.from('\n{"a":3}');
  }
  const lines = [];
  for await (const line of readImport(chunks(), 'jsonl')) lines.push(line);
  expect(lines).toEqual([
    { line: 1, record: { a: 1 } },
    { line: 2, record: { a: 2 } },
    { line: 3, reason: 'longer than 32768 bytes' },
    { line: 4, record: { a: 3 } },
  ]);
});

it.each([[[]], [['users.txt']], [['a.csv', 'b.csv']]])('says how it is asked: %j', async (args) => {
  expect((await runCommand(importCommand, args)).code).toBe(2);
});

it.each([
  ['a directory', folder],
  ['in a directory that there is not', join(folder, 'none', 'bad.jsonl')],
])('refuses to write errors to %s before the database is touched', async (_what, errorsFile) => {
  const path = file(jsonl({ email: newEmail() }));
  // a database that nobody could open
  const env = { DATABASE_URL: 'mysql://root@127.0.0.1:1/none' };
  const { code, errors } = await runCommand(importCommand, [path, '--errors', errorsFile], { env });
  expect({ code, errors }).toEqual({ code: 2, errors: expect.stringContaining(errorsFile) });
  expect(errors).toContain('--errors');
});

it('refuses to write errors into the file that it reads, and leaves it as it is', async () => {
  const text = jsonl({ email: newEmail() });
  const path = file(text);
  const { code, errors } = await runCommand(importCommand, [path, '--errors', path]);
  expect({ code, errors }).toEqual({ code: 2, errors: expect.stringContaining('another file') });
  expect(readFileSync(path, 'utf8')).toBe(text);
});

it('reads standard input, as pipes have it', async () => {
  const { finished } = startProcess(
    'cli/main.js',
    ['import', '-', '--format', 'jsonl', '--json'],
    { DATABASE_URL: app.databaseUrl },
    jsonl({ email: newEmail() }, { email: newEmail() }),
  );
  const { code, output } = await finished;
  expect({ code, ...JSON.parse(output) }).toMatchObject({ code: 0, imported: 2, bad: 0 });
});
