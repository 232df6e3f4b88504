import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { dropDatabase, newDatabaseUrl } from './support/database.ts';
import { startProcess } from './support/process.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-main-'));
const databaseUrl = newDatabaseUrl();
afterAll(async () => {
  await dropDatabase(databaseUrl);
  rmSync(folder, { recursive: true });
});

const PASSWORD = 'four words in a row';

async function start(env: Record<string, string>) {
  const service = startProcess('main.js', [], { PORT: '0', DATA_DIR: folder, ...env });
  const output = await service.printed('API');
  const url = /API +(\S+)/.exec(output)?.[1] ?? '';
  return { ...service, url };
}

/** A connection that is there before the end begins, as a load balancer's. */
async function openReadiness(url: string) {
  const socket = connect(Number(new URL(url).port), 'localhost');
  await once(socket, 'connect');
  return {
    async ask(): Promise<string> {
      socket.write('GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n');
      const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      return String(answer);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Thread {
  id: number;
  niceness: number;
  /** Of the processor, in ticks. */
  spent: number;
}

/** @see proc_pid_stat(5) */
function threadsOf({ pid }: ChildProcess): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8');
    // the second field is a name, which may hold anything
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { id: Number(id), niceness: Number(fields[16]), spent: Number(fields[11]) };
  });
}

function spentSince(before: Thread[], { id, spent }: Thread): number {
  return spent - (before.find((thread) => thread.id === id)?.spent ?? 0);
}

async function post(url: string, query: string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return response.json() as Promise<{ data: Record<string, { __typename: string }> }>;
}

describe('the process', () => {
  it('loses none of 200 sign-ins in flight after SIGTERM, is not ready at once, and exits with 0', async () => {
    const service = await start({
      DATABASE_URL: databaseUrl,
      RATE_LIMIT: 'off',
      ARGON2_MEMORY: '1024',
      METRICS_PORT: '0',
    });
    const register = (name: string) =>
      `mutation { register(input: { email: "${name}@example.com", password: "${PASSWORD}" }) { __typename } }`;
    const login = (name: string) =>
      `mutation { login(input: { identifier: "${name}@example.com", password: "${PASSWORD}" }) { __typename } }`;
    const names = Array.from({ length: 20 }, (_, i) => `ada${i}`);
    for (const { data } of await Promise.all(
      names.map((name) => post(service.url, register(name))),
    )) {
      expect(data).toEqual({ register: { __typename: 'RegisterSuccess' } });
    }
    const ready = await openReadiness(service.url);
    expect(await ready.ask()).toMatch(/^HTTP\/1.1 200 /);
    const answers = Array.from({ length: 200 }, (_, i) =>
      post(service.url, login(names[i % names.length] ?? '')),
    );
    // the first answer says that the others are on their way
    await Promise.race(answers);
    service.child.kill('SIGTERM');
    let last = await ready.ask();
    while (last.startsWith('HTTP/1.1 200 ')) last = await ready.ask();
    expect(last).toMatch(/^HTTP\/1.1 503 .*connection: close/is);
    // figures can be read until the end
    const metrics = /Metrics +(\S+)/.exec(await service.printed('Metrics'))?.[1] ?? '';
    expect((await fetch(metrics)).status).toBe(200);
    const outcomes = await Promise.allSettled(answers);
    const lost = outcomes.filter(({ status }) => status === 'rejected');
    expect(`${lost.length} lost`).toBe('0 lost');
    for (const { data } of await Promise.all(answers)) {
      expect(data).toEqual({ login: { __typename: 'LoginSuccess' } });
    }
    expect((await service.finished).code).toBe(0);
  });

  it.runIf(process.platform === 'linux')(
    'hashes behind whatever else wants the processor',
    async () => {
      const service = await start({
        DATABASE_URL: databaseUrl,
        ARGON2_PASSES: '100',
        UV_THREADPOOL_SIZE: '7',
      });
      const before = threadsOf(service.child);
      await post(
        service.url,
        `mutation { register(input: { email: "eve@example.com", password: "${PASSWORD}" }) { __typename } }`,
      );
      const hashed = threadsOf(service.child).toSorted(
        (one, other) => spentSince(before, other) - spentSince(before, one),
      )[0];
      service.child.kill('SIGTERM');
      await service.finished;
      expect(hashed).toMatchObject({ niceness: 10 });
      expect(before.filter(({ niceness }) => niceness === 10)).toHaveLength(7);
      expect(before.find(({ id }) => id === service.child.pid)?.niceness).toBe(0);
    },
  );

  it.runIf(existsSync('/dev/full'))('goes on serving when its log cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const port = await freePort();
    const env = { PORT: String(port), DATA_DIR: folder, DATABASE_URL: databaseUrl };
    const service = startProcess('main.js', [], env, '', full);
    closeSync(full);
    const answers = () => fetch(`http://localhost:${port}/health`).then(({ status }) => status);
    await vi.waitUntil(() => answers().catch(() => service.child.exitCode), { timeout: 20_000 });
    // so many take longer than their lines wait to be written
    for (let i = 0; i < 100; i++) {
      expect(await answers().catch(() => service.finished)).toBe(200);
    }
    service.child.kill('SIGTERM');
    expect(await service.finished).toMatchObject({ code: 0, errors: '' });
  });

  it('goes on serving, and ends, when whoever reads its log stands still', async () => {
    const service = await start({ DATABASE_URL: databaseUrl, LOG_LEVEL: 'debug' });
    service.child.stdout?.pause();
    const ask = () => fetch(service.url.replace('/graphql', '/health'));
    // a line for each, of which a pipe holds some hundred
    for (let i = 0; i < 3000; i += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, ask));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    service.child.kill('SIGTERM');
    await once(service.child, 'exit');
    service.child.stdout?.resume();
    expect(await service.finished).toMatchObject({ code: 0, errors: '' });
  });

  it('ends in time though its database has fallen silent and resets wait for it', async () => {
    const proxy = await startTcpProxy(databaseUrl);
    const service = await start({ DATABASE_URL: proxy.databaseUrl, RATE_LIMIT: 'off' });
    const reset = `mutation { requestPasswordReset(input: { email: "ada0@example.com" }) { __typename } }`;
    await post(service.url, reset);
    proxy.blackHole();
    await Promise.all(Array.from({ length: 50 }, () => post(service.url, reset)));
    const askedAt = performance.now();
    service.child.kill('SIGTERM');
    const { code, output } = await service.finished;
    await proxy.close();
    expect(code).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(18_000);
    expect(output).toMatch(
      /"dropped":\d+,"msg":"stopped before all links that were asked for were written"/,
    );
  });

  it('brings up a database of its own, and comes back to it after kill -9', async () => {
    const env = { PORT: '0' };
    const first = await start(env);
    const register = `mutation { register(input: { email: "bob@example.com", password: "${PASSWORD}" }) { __typename } }`;
    await post(first.url, register);
    const second = startProcess('main.js', [], { PORT: '0', DATA_DIR: folder });
    expect(await second.finished).toMatchObject({
      code: 1,
      errors: expect.stringContaining('already using the data directory'),
    });
    first.child.kill('SIGKILL');
    await first.finished;
    const again = await start(env);
    expect((await post(again.url, register)).data).toEqual({
      register: { __typename: 'EmailTaken' },
    });
    again.child.kill('SIGTERM');
    expect((await again.finished).code).toBe(0);
  });

  it('refuses to start on a bad configuration, naming all that is wrong', async () => {
    const { finished } = startProcess('main.js', [], {
      NODE_ENV: 'production',
      AUTH_SECRET: 'short',
      PORT: 'x',
    });
    const { code, errors } = await finished;
    expect(code).toBe(1);
    for (const name of ['PORT', 'AUTH_SECRET', 'DATABASE_URL', 'PUBLIC_URL']) {
      expect(errors).toContain(name);
    }
    expect(errors).not.toContain('short');
  });

  it.each([
    ['HOST', { HOST: 'nonsense.invalid', DATABASE_URL: databaseUrl }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://root:secret@127.0.0.1:1/latchkey' }],
    ['DATA_DIR', { DATA_DIR: '/proc/nope' }],
  ])('names %s when that is why it cannot start', async (name, env) => {
    const { finished } = startProcess('main.js', [], { PORT: '0', DATA_DIR: folder, ...env });
    const { code, errors } = await finished;
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining(`  ${name} `) });
    expect(errors).not.toContain('secret');
  });
});
