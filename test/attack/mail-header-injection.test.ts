import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { REGISTER } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { deliverOnce, mailEnv, storedMails, writeMail } from '../support/outbox.ts';

// Whoever can put a line break into a header of a mail can add recipients, and a body of their own.

let server: MailServer;
let app: TestApp;
beforeAll(async () => {
  server = await startMailServer();
  app = await createTestApp({ env: mailEnv(server.port) });
});
afterAll(async () => {
  await app.close();
  await server.close();
});
beforeEach(() => {
  server.received.length = 0;
});
afterEach(() => runSql(app.databaseUrl, 'delete from outbox'));

const BREAKS = ['\r\n', '\n', '\r', '\u2028', '\u0085', '\0'];

it.each(BREAKS)('an address with a line break cannot be registered (%j)', async (lineBreak) => {
  const email = `ada@example.org${lineBreak}Bcc: eve@evil.example`;
  const { data } = await app.gql(REGISTER, { input: { email, password: 'four words in a row' } });
  expect(data?.register.__typename).toBe('InvalidInput');
});

it.each([
  ...BREAKS.map((lineBreak) => `ada@example.org${lineBreak}Bcc: eve@evil.example`),
  'ada@example.org, eve@evil.example',
  'ada@example.org> RCPT TO:<eve@evil.example',
  '"ada@example.org" <eve@evil.example>',
  'ada@example.org eve@evil.example',
  'group: eve@evil.example;',
])('an address that came past every check is written to by nobody (%j)', async (email) => {
  await writeMail(app, { kind: 'password-changed' }, { email });
  await deliverOnce(app);
  expect(server.received).toEqual([]);
  const [row] = await storedMails(app);
  expect(row).toMatchObject({ state: 'FAILED' });
  expect(row?.last_error).not.toMatch(/ada|eve/);
});

it('a phrase, a device and a new address with line breaks stay in the body', async () => {
  const lure =
    'x\r\nBcc: eve@evil.example\r\nSubject: lure\r\n\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n';
  await writeMail(app, { kind: 'new-device', ipAddress: lure, userAgent: lure }, { phrase: lure });
  await writeMail(
    app,
    { kind: 'email-changed', newEmail: lure, token: lure, expiresAt: 0 },
    { phrase: lure },
  );
  await deliverOnce(app);
  expect(server.received).toHaveLength(2);
  for (const { to, raw, mail } of server.received) {
    expect(to).toEqual(['ada@example.org']);
    expect(mail.bcc ?? []).toEqual([]);
    const keys = mail.headers.map(({ key }) => key).sort();
    expect(keys).toEqual([
      'auto-submitted',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
      'x-auto-response-suppress',
    ]);
    const [head] = raw.split('\r\n\r\n');
    expect(head).not.toMatch(/eve|lure/);
    expect(mail.subject).not.toContain('lure');
  }
});
