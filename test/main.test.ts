import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dropDatabase, newDatabaseUrl } from './support/database.ts';
import { startProcess } from './support/process.ts';

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

async function post(url: string, query: string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return response.json() as Promise<{ data: Record<string, { __typename: string }> }>;
}

describe('the process', () => {
  it('finishes the sign-ins in flight after SIGTERM, and exits with 0', async () => {
    const service = await start({ DATABASE_URL: databaseUrl, RATE_LIMIT: 'off' });
    const register = `mutation { register(input: { email: "ada@example.com", password: "${PASSWORD}" }) { __typename } }`;
    const login = `mutation { login(input: { identifier: "ada@example.com", password: "${PASSWORD}" }) { __typename } }`;
    expect((await post(service.url, register)).data).toMatchObject({
      register: { __typename: 'RegisterSuccess' },
    });
    const answers = Array.from({ length: 40 }, () => post(service.url, login));
    // the first answer says that the others are on their way
    await Promise.race(answers);
    service.child.kill('SIGTERM');
    for (const { data } of await Promise.all(answers)) {
      expect(data).toEqual({ login: { __typename: 'LoginSuccess' } });
    }
    expect((await service.finished).code).toBe(0);
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
});
