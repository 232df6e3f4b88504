import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../src/db/embedded.ts';
import {
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  REGISTER,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const DISK = mkdtempSync(join(tmpdir(), 'latchkey-disk-'));
const BALLAST = join(DISK, 'ballast');

/** A file system of its own, small enough to be filled; only root can have one. */
function mountDisk(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', DISK], { stdio: 'ignore' });
    return true;
  } catch {
    rmdirSync(DISK);
    process.stderr.write(
      'skipped, because only root can mount a small disk: test/faults/disk-full.test.ts\n',
    );
    return false;
  }
}

describe.skipIf(!mountDisk())('while the disk of the database is full', () => {
  const log: string[] = [];
  let database: EmbeddedDatabase;
  let app: TestApp;
  beforeAll(async () => {
    const dataDirectory = join(DISK, 'data');
    mkdirSync(dataDirectory);
    database = await startEmbeddedDatabase({
      dataDirectory,
      log: () => {},
      serverOptions: ['--innodb-log-file-size=4M', '--innodb-flush-method=fsync'],
    });
    const sink = new Writable({
      write: (line, _encoding, done) => done(void log.push(String(line))),
    });
    app = await createTestApp({ databaseUrl: database.url, overrides: { logger: pino(sink) } });
  });
  afterAll(async () => {
    await app.close();
    await database.stop();
    execFileSync('umount', [DISK]);
    rmdirSync(DISK);
  });

  function fillUp(): void {
    const block = Buffer.alloc(64 * 1024);
    try {
      for (;;) appendFileSync(BALLAST, block);
    } catch (error) {
      // the database takes some of the room meanwhile, so how much there is shows when there is none
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }

  async function register() {
    const email = `${newName()}@example.com`;
    const response = await app.post({
      query: REGISTER,
      variables: { input: { email, password: PASSWORD } },
    });
    const text = await response.text();
    const { data, errors } = JSON.parse(text);
    return { email, text, isDone: data?.register?.__typename === 'RegisterSuccess', errors };
  }

  it('every answer is typed, nothing is lost, the log says why, and it goes on when there is room', async () => {
    const user = await registerUser(app);
    fillUp();
    const answers: Awaited<ReturnType<typeof register>>[] = [];
    while (answers.length < 3000 && !answers.some(({ isDone }) => !isDone)) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, register))));
    }
    const refused = answers.filter(({ isDone }) => !isDone);
    expect(refused.length).toBeGreaterThan(0);
    for (const { text, errors } of refused) {
      expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
      expect(text).not.toMatch(/full|disk|table|errno|ER_RECORD|outbox|sessions/i);
    }
    // what the operator has to know is in the log
    expect(log.some((line) => line.includes('ER_RECORD_FILE_FULL'))).toBe(true);
    // and what needs no room works
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    expect((await app.app.fetch('http://localhost:4000/health')).status).toBe(200);
    rmSync(BALLAST);
    await vi.waitUntil(async () => (await register()).isDone, { timeout: 10_000 });
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
    const rows = await runSql<{ email: string }>(app.databaseUrl, 'select email from users');
    const there = new Set(rows.map(({ email }) => email));
    for (const { email, isDone } of answers) expect(there.has(email)).toBe(isDone);
  });
});
