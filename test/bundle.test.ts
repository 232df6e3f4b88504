import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, REGISTER } from './support/account.ts';
import { dropDatabase, newDatabaseUrl } from './support/database.ts';
import { type MailServer, startMailServer } from './support/mail-server.ts';
import { type ServiceProcess, startProcess } from './support/process.ts';

const DIST = join(import.meta.dirname, '../dist');

describe('dist/main.js', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bundle-'));
  const write = (file: string, text: string, minute: number) => {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), text);
    utimesSync(join(folder, file), minute * 60, minute * 60);
  };
  const run = (env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [join(folder, 'main.js')], { env }).stdout.toString();
  beforeAll(() => {
    write('package.json', '{ "type": "module" }', 0);
    cpSync(join(DIST, 'main.js'), join(folder, 'main.js'));
    write('process.js', "process.stdout.write('modules');", 10);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('runs the bundle unless it is missing or older than what was compiled', () => {
    write('.tsbuildinfo', '', 10);
    expect(run()).toBe('modules');
    write('bundle/process.js', "process.stdout.write('bundle');", 9);
    expect(run()).toBe('modules');
    write('bundle/process.js', "process.stdout.write('bundle');", 10);
    expect(run()).toBe('bundle');
    rmSync(join(folder, '.tsbuildinfo'));
    expect(run()).toBe('bundle');
  });

  it('has libuv start threads for more than hashes, where that is still possible', () => {
    write('bundle/process.js', 'process.stdout.write(String(process.env.UV_THREADPOOL_SIZE));', 10);
    const isTooLate = Number.parseInt(process.versions.node, 10) < 22;
    expect(run()).toBe(isTooLate ? 'undefined' : String(Math.max(4, availableParallelism() + 2)));
    expect(run({ UV_THREADPOOL_SIZE: '9' })).toBe('9');
  });
});

describe('the bundle', () => {
  const databaseUrl = newDatabaseUrl();
  let mail: MailServer;
  let service: ServiceProcess;
  let url: string;
  beforeAll(async () => {
    mail = await startMailServer();
    service = startProcess('bundle/process.js', [], {
      PORT: '0',
      METRICS_PORT: '0',
      DATABASE_URL: databaseUrl,
      SMTP_URL: `smtp://127.0.0.1:${mail.port}?tls=off`,
      MAIL_FROM: 'Latchkey <no-reply@example.com>',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      REDIS_URL: 'redis://127.0.0.1:9',
    });
    const output = await service.printed('Metrics');
    url = /API +(\S+)\/graphql/.exec(output)?.[1] ?? '';
  });
  afterAll(async () => {
    service.child.kill('SIGTERM');
    expect((await service.finished).code).toBe(0);
    await mail.close();
    await dropDatabase(databaseUrl);
  });

  async function ask(query: string, variables: object = {}, token?: string) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: as a client reads it
    return (await response.json()) as any;
  }

  it('has everything in it, or finds it: hashes, tokens, codes, pictures, mail, pages, figures', async () => {
    const input = { email: 'ada@example.com', password: PASSWORD };
    const { data } = await ask(REGISTER, { input });
    const { accessToken } = data.register.tokens;
    expect((await ask('{ me { email } }', {}, accessToken)).data.me.email).toBe(input.email);
    const enable = `mutation { enableTotp(input: { currentPassword: "${PASSWORD}" }) {
      ... on EnableTotpSuccess { secret qrCode }
    } }`;
    const { qrCode } = (await ask(enable, {}, accessToken)).data.enableTotp;
    expect(qrCode).toMatch(/^data:image/);
    await mail.taken(1);
    const common = await ask(REGISTER, {
      input: { email: 'b@example.com', password: 'password1' },
    });
    expect(common.data.register.__typename).toBe('InvalidInput');
    for (const path of ['/', '/graphql', '/.well-known/jwks.json', '/ready']) {
      const page = await fetch(`${url}${path}`, { headers: { accept: 'text/html' } });
      expect(page.status, path).toBe(200);
    }
    const metrics = /Metrics +(\S+)/.exec(await service.printed('Metrics'))?.[1] ?? '';
    expect(await (await fetch(metrics)).text()).toContain('latchkey_redis_up 0');
  });
});
