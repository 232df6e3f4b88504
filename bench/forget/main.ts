// npm run bench:forget -- [--rows 1000000] [--url mysql://...]: how deleting a million expired rows affects signed-in requests

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
import { connectionOptions } from '../../src/db/connection.ts';
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { MIGRATIONS } from '../../src/db/migration-files.ts';
import { startServer } from '../server.ts';
import { createPace, type Times } from './pace.ts';
import { fill } from './rows.ts';

const SAMPLE_MS = 5000;
const BEFORE_MS = 40_000;
const BUFFER_POOL = '512M';
const PASSWORD = 'a long walk along the shore';

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '1000000' }, url: { type: 'string' } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-forget-'));
  const serverOptions = [`--innodb-buffer-pool-size=${BUFFER_POOL}`, '--innodb-log-file-size=256M'];
  const own =
    values.url === undefined
      ? await startEmbeddedDatabase({ dataDirectory: folder, log: say, serverOptions })
      : undefined;
  const url = new URL(values.url ?? own?.url ?? '');
  url.pathname = `/forget_${randomBytes(4).toString('hex')}`;
  const options = connectionOptions(url.href, () => '');
  try {
    await migrate({ connection: options, folder: MIGRATIONS, log: () => {} });
    const connection = await createConnection({ ...options, timezone: 'Z' });
    await fill(connection, Number(values.rows), say);
    await measure(connection, url.href, folder);
    await connection.query(`drop database ${options.database}`);
    await connection.end();
  } finally {
    await own?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(connection: Connection, databaseUrl: string, folder: string): Promise<void> {
  const server = await startServer({
    name: 'latchkey',
    args: [join(process.cwd(), 'dist/main.js')],
    env: {
      DATABASE_URL: databaseUrl,
      HOST: '127.0.0.1',
      AUTH_SECRET: 'forget-only-4be1a07c9d3f52e8a6610f7d2c5b',
      RATE_LIMIT: 'off',
      LOG_LEVEL: 'warn',
    },
    folder,
  });
  // the service starts to delete expired rows a minute after its start
  // one account reads and another signs in: each sign-in opens a session, and too many would end the reader's
  const { accessToken } = await register(server.url);
  const pace = createPace(server.url, { ...(await register(server.url)), accessToken }, PASSWORD);
  const waiting = await left(connection);
  say(`${waiting} rows are to be forgotten`);
  const startedAt = performance.now();
  while (performance.now() - startedAt < BEFORE_MS) await sleep(100);
  const before = pace.times();
  while ((await left(connection)) === waiting) await sleep(100);
  pace.times();
  const begunAt = performance.now();
  for (let rows = waiting; rows > 0; rows = await left(connection)) {
    say(`${rows} rows are left`);
    await sleep(SAMPLE_MS);
  }
  const seconds = (performance.now() - begunAt) / 1000;
  const during = pace.times();
  await sleep(BEFORE_MS / 2);
  const after = pace.times();
  await pace.stop();
  await server.stop();
  say(`${waiting} rows in ${seconds.toFixed(0)} s: ${(waiting / seconds).toFixed(0)} a second`);
  report({ before, during, after });
}

async function left(connection: Connection): Promise<number> {
  const [rows] = await connection.query(
    `select (select count(*) from sessions where expires_at < utc_timestamp() - interval 30 day)
       + (select count(*) from rate_limit_hits where expires_at < utc_timestamp()) as n`,
  );
  return Number((rows as { n: number }[])[0]?.n);
}

async function register(url: string) {
  const email = `${randomBytes(6).toString('hex')}@example.com`;
  const query = `mutation ($input: RegisterInput!) {
    register(input: $input) { ... on RegisterSuccess { tokens { accessToken } } }
  }`;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: { email, password: PASSWORD } } }),
  });
  const answer = (await response.json()) as {
    data: { register: { tokens: { accessToken: string } } };
  };
  return { email, accessToken: answer.data.register.tokens.accessToken };
}

function report(phases: Record<string, Record<string, Times>>): void {
  const ms = (value: number) => value.toFixed(1).padStart(8);
  say('milliseconds          requests  failed   median      p99  slowest');
  for (const [phase, kinds] of Object.entries(phases)) {
    for (const [kind, { requests, failed, median, p99, slowest }] of Object.entries(kinds)) {
      const counts = `${String(requests).padStart(8)}${String(failed).padStart(8)}`;
      say(
        `${phase.padEnd(8)} ${kind.padEnd(12)} ${counts} ${ms(median)} ${ms(p99)} ${ms(slowest)}`,
      );
    }
  }
}

main().catch((error: unknown) => {
  say(String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
});
