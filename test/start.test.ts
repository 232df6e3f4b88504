import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { connectionOptions } from '../src/db/connection.ts';
import { migrate } from '../src/db/migrate.ts';
import { MIGRATIONS } from '../src/db/migration-files.ts';
import { dropDatabase, newDatabaseUrl } from './support/database.ts';
import { startProcess } from './support/process.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

const databaseUrl = newDatabaseUrl();
let proxy: TcpProxy & { databaseUrl: string };
beforeAll(async () => {
  const connection = connectionOptions(databaseUrl, () => '');
  await migrate({ connection, folder: MIGRATIONS, log: () => undefined });
  proxy = await startTcpProxy(databaseUrl);
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await proxy.close();
  await dropDatabase(databaseUrl);
});

const start = (env: Record<string, string>) =>
  startProcess('main.js', [], {
    PORT: '0',
    DATABASE_URL: proxy.databaseUrl,
    PUBLIC_URL: 'https://auth.example.com',
    ...env,
  });
const PRODUCTION = { NODE_ENV: 'production', HOST: '127.0.0.1' };

/** What a log says of an event. */
function lineOf(output: string, message: string): Record<string, unknown> {
  const line = output.split('\n').find((text) => text.includes(`"msg":"${message}"`)) ?? '{}';
  return JSON.parse(line) as Record<string, unknown>;
}

it('in production waits for a database that is away, says so, and starts when it comes', async () => {
  proxy.cut();
  const service = start(PRODUCTION);
  const waiting = lineOf(
    await service.printed('waiting for it'),
    'the database is away; waiting for it',
  );
  expect(waiting).toMatchObject({ level: 'warn', database: `127.0.0.1:${proxy.port}` });
  proxy.restore();
  const ready = lineOf(await service.printed('"msg":"ready"'), 'ready');
  const { database } = connectionOptions(databaseUrl, () => '');
  expect(ready).toMatchObject({
    version: '0.1.0',
    database: `${database} at 127.0.0.1:${proxy.port}`,
  });
  service.child.kill('SIGTERM');
  const { code, output } = await service.finished;
  expect(code).toBe(0);
  expect(lineOf(output, 'ending')).toMatchObject({ signal: 'SIGTERM' });
  expect(lineOf(output, 'requests have ended')).toMatchObject({ cutOff: 0 });
  expect(output).toContain('"msg":"ended"');
});

it('ends on SIGTERM while it waits, as nothing that was killed', async () => {
  proxy.cut();
  const service = start(PRODUCTION);
  await service.printed('waiting for it');
  service.child.kill('SIGTERM');
  expect((await service.finished).code).toBe(0);
});

it.each(['cutAfter', 'silentAfter'] as const)(
  'at a terminal says which variable it is when the database has let it in and then is away (%s)',
  async (how) => {
    // the first that is said after signing in
    proxy[how](/sql_mode/);
    const { code, errors } = await start({ NODE_ENV: 'development' }).finished;
    expect(code).toBe(1);
    expect(errors).toContain('  DATABASE_URL names a server that cannot be reached');
  },
);

it('tells at once of a password that is wrong', async () => {
  const url = new URL(proxy.databaseUrl);
  url.username = 'nobody-by-that-name';
  url.password = 'wrong';
  const { finished } = start({ ...PRODUCTION, DATABASE_URL: url.toString() });
  const { code, output, errors } = await finished;
  expect([code, output]).toEqual([1, '']);
  expect(errors).toContain('DATABASE_URL names a user whom the server refuses');
});

it('lets requests finish when Ctrl-C comes twice at once, as it does through npm', async () => {
  const service = start({ NODE_ENV: 'development', KEEP_ALIVE_SECONDS: '7' });
  const url = /API +(\S+)/.exec(await service.printed('API'))?.[1] ?? '';
  const { headers } = await fetch(url.replace('/graphql', '/health'));
  // idle connections are kept for as long as it is told
  expect(headers.get('keep-alive')).toBe('timeout=7');
  service.child.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 7));
  service.child.kill('SIGINT');
  const { code, output } = await service.finished;
  expect(code).toBe(0);
  expect(output).toContain('"msg":"ended"');
});

it('goes on accepting requests while proxies learn that it is ending', async () => {
  const service = start({ NODE_ENV: 'development', SHUTDOWN_DELAY_SECONDS: '2' });
  const url = /API +(\S+)/.exec(await service.printed('API'))?.[1] ?? '';
  service.child.kill('SIGTERM');
  await service.printed('"msg":"ending"');
  const ready = await fetch(url.replace('/graphql', '/ready'));
  expect(ready.status).toBe(503);
  // whoever comes again has to connect anew, and finds another instance
  expect(ready.headers.get('connection')).toBe('close');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ me { id } }"}',
  });
  expect(await answer.json()).toEqual({ data: { me: null } });
  const { code, output } = await service.finished;
  expect(code).toBe(0);
  expect(lineOf(output, 'ended').durationMs).toBeGreaterThanOrEqual(2000);
});

it('ends a command on SIGTERM by itself, as it must where it is the first process of a container', async () => {
  proxy.silentAfter(/sql_mode/);
  const command = startProcess('cli/main.js', ['migrate'], { DATABASE_URL: proxy.databaseUrl });
  await vi.waitUntil(() => proxy.connections() > 0, { timeout: 10_000 });
  command.child.kill('SIGTERM');
  expect((await command.finished).code).toBe(143);
});

it.runIf(process.platform === 'linux')(
  'listens in production also where the system has no IPv6, unless HOST was chosen',
  async () => {
    // what bind answers there: EAFNOSUPPORT
    const without = "process.binding('tcp_wrap').TCP.prototype.bind6 = () => -97;";
    const preload = join(mkdtempSync(join(tmpdir(), 'latchkey-ipv4-')), 'without-ipv6.cjs');
    writeFileSync(preload, without);
    const env = { NODE_ENV: 'production', NODE_OPTIONS: `--require ${preload} --no-deprecation` };
    const service = start({ ...env, METRICS_PORT: '0' });
    const { port } = lineOf(await service.printed('"msg":"ready"'), 'ready');
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    service.child.kill('SIGTERM');
    await service.finished;
    const { errors } = await start({ ...env, HOST: '::' }).finished;
    expect(errors).toContain('  HOST and PORT cannot be listened on (EAFNOSUPPORT)');
    rmSync(dirname(preload), { recursive: true });
  },
);
