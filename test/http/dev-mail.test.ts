import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createTestApp, TEST_SECRET, type TestApp } from '../support/app.ts';
import { mailEnv, storedMails, writeMail } from '../support/outbox.ts';

const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://auth.test',
  RATE_LIMIT: 'on',
  LOG_LEVEL: 'silent',
};

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const get = (path: string, headers: Record<string, string> = {}, of = app) =>
  of.app.fetch(`http://localhost:4000${path}`, { headers: { host: 'localhost:4000', ...headers } });

async function idOfNewest(): Promise<string> {
  const page = await (await get('/dev/mail')).text();
  return /\?id=([\da-f-]+)/.exec(page)?.[1] ?? '';
}

it('shows the mails that were not sent, with their links, in both forms', async () => {
  expect(await (await get('/dev/mail')).text()).toContain('There is none yet');
  const phrase = '<script>alert(1)</script>';
  await writeMail(app, { kind: 'reset-password', token: 'a-token', expiresAt: 0 }, { phrase });
  expect((await storedMails(app)).map(({ state }) => state)).toEqual(['KEPT']);
  const list = await (await get('/dev/mail')).text();
  expect(list).toContain('Choose a new password');
  expect(list).toContain('ada@example.org');

  const id = await idOfNewest();
  const page = await get(`/dev/mail?id=${id}`);
  const html = await page.text();
  const link = 'http://localhost:4000/reset-password#token=a-token';
  expect(html).toContain(`<a href="${link}" rel="noreferrer">`);
  expect(html).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
  expect(html).not.toContain('<script');
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('script-src');

  const message = await get(`/dev/mail?id=${id}&part=html`);
  const body = await message.text();
  expect(body).toContain('<head><base target="_blank">');
  expect(body).toContain(`href="${link}"`);
  expect(body).not.toContain('<script');
  expect(message.headers.get('content-security-policy')).toMatch(
    /default-src 'none';.*frame-ancestors 'self'; sandbox allow-popups/,
  );
  expect(message.headers.get('x-frame-options')).toBe('SAMEORIGIN');
});

it('knows no mail of another id, nor what is no id', async () => {
  for (const id of ['019378a4-5bc1-7d3e-8f20-1a2b3c4d5e6f', "' or 1=1", '..', '']) {
    expect((await get(`/dev/mail?id=${encodeURIComponent(id)}`)).status).toBe(404);
  }
});

it('is not answered under a name that somebody pointed at this machine', async () => {
  expect((await get('/dev/mail', { host: 'evil.example:4000' })).status).toBe(404);
  expect((await get('/dev/mail', { host: '127.0.0.1:4000' })).status).toBe(200);
});

it.each([
  ['without a mail server', { MAIL: 'off' }],
  ['with one', mailEnv(9)],
  ['whatever else is set', { ...mailEnv(9), PLAYGROUND: 'on', INTROSPECTION: 'on' }],
])('is absent in production %s', async (_what, env) => {
  const { databaseUrl, clock } = app;
  const production = await createTestApp({ databaseUrl, clock, env: { ...PRODUCTION, ...env } });
  const id = await idOfNewest();
  for (const path of ['/dev/mail', `/dev/mail?id=${id}`, `/dev/mail?id=${id}&part=html`]) {
    const answer = await get(path, { host: 'auth.test' }, production);
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain('a-token');
  }
  await production.close();
});

it('is absent in production even if mail could be kept there', async () => {
  const kept = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: app.databaseUrl,
    AUTH_SECRET: TEST_SECRET,
  });
  const production = await createApp({ ...kept, profile: 'production' });
  expect(
    (await production.fetch('http://localhost:4000/dev/mail', { headers: { host: 'localhost' } }))
      .status,
  ).toBe(404);
  await production.close();
});

it('prints the link in development, and nowhere else', async () => {
  const { databaseUrl, clock } = app;
  for (const [NODE_ENV, printed] of [
    ['development', true],
    ['test', false],
  ] as const) {
    const lines: string[] = [];
    const { createLogger } = await import('../../src/logger.ts');
    const logger = createLogger('info');
    logger.info = ((...args: unknown[]) => void lines.push(JSON.stringify(args))) as never;
    const own = await createTestApp({
      databaseUrl,
      clock,
      env: { NODE_ENV },
      overrides: { now: clock.now, logger },
    });
    await writeMail(own, { kind: 'verify-email', token: 'printed-token', expiresAt: 0 });
    expect(lines.join().includes('/verify-email#token=printed-token')).toBe(printed);
    await own.close();
  }
});

it('writes nothing when MAIL is off', async () => {
  const { databaseUrl, clock } = app;
  const before = (await storedMails(app)).length;
  const own = await createTestApp({ databaseUrl, clock, env: { MAIL: 'off' } });
  await writeMail(own, { kind: 'password-changed' });
  expect(await storedMails(app)).toHaveLength(before);
  expect((await get('/dev/mail', {}, own)).status).toBe(404);
  await own.close();
});
