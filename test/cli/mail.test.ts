import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mail } from '../../src/cli/mail.ts';
import { readTemplates } from '../../src/mail/template-files.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { mailEnv, writeMail } from '../support/outbox.ts';
import { runCommand } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-mail-'));
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ env: mailEnv(9) });
  for (let i = 0; i < 3; i++)
    await writeMail(app, { kind: 'reset-password', token: 'a-token', expiresAt: 0 });
  await runSql(
    app.databaseUrl,
    "update outbox set state = 'FAILED', attempts = 30, finished_at = due_at, last_error = 'RCPT TO EENVELOPE: 550 no'",
  );
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]) {
  const ran = await runCommand(mail, args, { env: { DATABASE_URL: app.databaseUrl } });
  return { ...ran, output: ran.output.trimEnd(), errors: ran.errors.trimEnd() };
}

async function listOf(state: string): Promise<{ id: string }[]> {
  return JSON.parse((await run('list', '--state', state, '--json')).output);
}

it('lists what is in the outbox, without what is in the mails and to whom they go', async () => {
  const { output } = await run('list', '--json');
  expect(JSON.parse(output)).toHaveLength(3);
  expect(JSON.parse(output)[0]).toMatchObject({
    kind: 'reset-password',
    state: 'FAILED',
    attempts: 30,
  });
  expect(output).not.toMatch(/ada@example|a-token|envelope/);
  const text = (await run('list', '--state', 'failed')).output;
  expect(text.split('\n')).toHaveLength(3);
  expect(text).toContain('550 no');
  expect(await run('list', '--state', 'sent')).toMatchObject({
    output: '',
    errors: 'There is none.',
  });
});

it('has one failed mail tried again, or all of them, from the first attempt', async () => {
  const [first] = await listOf('failed');
  const id = first?.id ?? '';
  expect((await run('retry', id)).output).toBe('1 to be tried again.');
  expect(await run('retry', id)).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/No mail with the id .* has failed or waits for long/),
  });
  expect((await run('retry', '--all')).output).toBe('2 to be tried again.');
  expect(await listOf('failed')).toEqual([]);
  const pending = await listOf('pending');
  expect(pending).toHaveLength(3);
  for (const entry of pending) expect(entry).toMatchObject({ attempts: 0, finishedAt: null });
  // they are due, and come by themselves
  expect((await run('retry', '--all')).output).toBe('0 to be tried again.');
  await runSql(
    app.databaseUrl,
    'update outbox set attempts = 12, due_at = due_at + interval 50 minute',
  );
  expect((await run('retry', id)).output).toBe('1 to be tried again.');
  expect((await run('retry', '--all')).output).toBe('2 to be tried again.');
});

it.each([
  [[]],
  [['retry']],
  [['retry', 'x']],
  [['retry', '019378a4-5bc1-7d3e-8f20-1a2b3c4d5e6f', '--all']],
  [['list', '--state', 'lost']],
  [['list', 'everything']],
  [['templates']],
  [['send']],
])('says what it wants (%j)', async (args) => {
  expect(await run(...args)).toMatchObject({
    code: 2,
    errors: expect.stringMatching(/^(Say|An id|A state)/),
  });
});

it('writes the templates to begin with, which the service takes', async () => {
  const target = join(folder, 'templates');
  const { output, errors } = await run('templates', target);
  expect(output.split('\n').sort()).toEqual(readdirSync(target).sort());
  expect(errors).toContain(`MAIL_TEMPLATES=${target}`);
  expect(readTemplates(target)).toHaveProperty('templates');
});
