import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { registerUser } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { kindsTo } from './support/mailbox.ts';
import { serviceUrl } from './support/service-user.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

interface Line {
  level: string;
  msg: string;
  path?: string;
  failure?: unknown;
  code?: string;
}

let lines: Line[] = [];
let witness: TestApp;
let proxy: TcpProxy & { databaseUrl: string };
let app: TestApp;

beforeAll(async () => {
  witness = await createTestApp();
  proxy = await startTcpProxy(await serviceUrl(witness.databaseUrl));
  app = await createTestApp({
    databaseUrl: witness.databaseUrl,
    clock: witness.clock,
    connectTo: proxy.databaseUrl,
    env: {
      DATABASE_TIMEOUT: '1',
      SMTP_URL: 'smtp://127.0.0.1:9?tls=off',
      MAIL_FROM: 'a@b.example',
    },
    overrides: {
      now: witness.clock.now,
      logger: pino(
        { level: 'debug', formatters: { level: (level) => ({ level }) } },
        { write: (line) => void lines.push(JSON.parse(line)) },
      ),
    },
  });
});
afterAll(async () => {
  await app.close();
  await proxy.close();
  await witness.close();
});

const ask = async (path: string) => (await app.app.fetch(`http://localhost:4000${path}`)).status;
const told = (msg: string) => lines.filter((line) => line.msg === msg);

it('logs probes that succeed where nobody has to read them', async () => {
  expect([await ask('/health'), await ask('/ready'), await ask('/nothing')]).toEqual([
    200, 200, 404,
  ]);
  expect(told('request').map(({ level, path }) => [level, path])).toEqual([
    ['debug', '/health'],
    ['debug', '/ready'],
    ['info', '/nothing'],
  ]);
});

it('logs why it is not ready and why mail waits, without a request, and no stack for each that fails', async () => {
  lines = [];
  proxy.reset();
  await app.gql('{ me { id } }', {}, { token: (await registerUser(witness)).accessToken });
  await expect.poll(() => ask('/ready'), { timeout: 5000 }).toBe(503);
  await expect
    .poll(() => told('the outbox cannot be worked on'), { timeout: 5000 })
    .toMatchObject([{ failure: 'connection', code: expect.stringMatching(/^ECONNRE|^PROTOCOL/) }]);
  expect(told('not ready')).toMatchObject([
    { level: 'error', failure: { code: expect.stringMatching(/^ECONNRE|^PROTOCOL/) } },
  ]);
  expect(told('the database failed').length).toBeGreaterThan(0);
  for (const { failure } of told('the database failed')) {
    expect(JSON.stringify(failure)).not.toContain('stack');
  }
  proxy.restore();
  await expect.poll(() => ask('/ready'), { timeout: 5000 }).toBe(200);
  expect(told('ready again')).toHaveLength(1);
});

it.each(['reset', 'blackHole'] as const)(
  'mails the links that were asked for while the way to the database was a %s',
  async (how) => {
    const users = await Promise.all([registerUser(witness), registerUser(witness)]);
    proxy[how]();
    for (const { email } of users) {
      const { data } = await app.gql(
        'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { __typename } }',
        { email },
      );
      expect(data.requestPasswordReset.__typename).toBe('RequestPasswordResetSuccess');
    }
    await new Promise((resolve) => setTimeout(resolve, 2500));
    proxy.restore();
    await app.app.deps.afterwards.idle();
    for (const { email } of users) {
      expect(await kindsTo(witness, email)).toContain('reset-password');
    }
  },
  30_000,
);

it('says when to come again to who asks for keys that cannot be read any more', async () => {
  proxy.reset();
  const now = performance.now.bind(performance);
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 301_000);
  lines = [];
  const answer = await app.app.fetch('http://localhost:4000/.well-known/jwks.json');
  later.mockRestore();
  proxy.restore();
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('2');
  expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
  expect(told('request')).toMatchObject([{ status: 503 }]);
  expect(told('request failed')).toEqual([]);
});
