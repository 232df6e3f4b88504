// npm run soak -- [--minutes 10] [--workers 16]: mixes good and hostile traffic, and checks what it leaves behind

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { connectionOptions } from '../../src/db/connection.ts';
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { median } from '../figures.ts';
import { START } from '../latchkey.ts';
import { startServer } from '../server.ts';
import { createTraffic } from './traffic.ts';

const SAMPLE_MS = 5000;
const QUIET_MS = 60_000;
// the limit on what a flood can leave behind; small, so that ten minutes are enough to reach it
const MOST_HITS = 20_000;
const COUNTERS = ['rate_limit_hits', 'attempt_counters', 'login_challenges'];
const PAGE_BYTES = 4096;

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      workers: { type: 'string', default: '16' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-soak-'));
  const database = await startEmbeddedDatabase({ dataDirectory: folder, log: say });
  const url = new URL(database.url);
  url.pathname = 'soak';
  try {
    const server = await startServer({
      name: 'latchkey',
      args: [...START.args, join(process.cwd(), 'dist/main.js')],
      env: {
        ...START.env,
        DATABASE_URL: url.href,
        HOST: '127.0.0.1',
        AUTH_SECRET: 'soak-only-4be1a07c9d3f52e8a6610f7d2c5b',
        TRUSTED_PROXIES: '1',
        RATE_LIMIT_ROWS: String(MOST_HITS),
        LOG_LEVEL: 'warn',
      },
      folder,
    });
    const problems = await soak(server, url.href, Number(values.minutes), Number(values.workers));
    await server.stop();
    for (const problem of problems) say(`FAILED: ${problem}`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function soak(
  server: { url: string; pid: number },
  databaseUrl: string,
  minutes: number,
  workers: number,
): Promise<string[]> {
  const connection = await createConnection(connectionOptions(databaseUrl, () => ''));
  const rows = async () => {
    const counts: Record<string, number> = {};
    for (const table of COUNTERS) {
      const [[row]] = (await connection.query(`select count(*) as n from ${table}`)) as unknown as [
        [{ n: number }],
      ];
      counts[table] = row.n;
    }
    return counts;
  };
  const traffic = createTraffic(server.url);
  const endsAt = performance.now() + minutes * 60_000;
  const work = async () => {
    while (performance.now() < endsAt) await traffic.next();
  };
  const working = Promise.all(Array.from({ length: workers }, work));
  const memory: number[] = [];
  while (performance.now() < endsAt) {
    await sleep(Math.min(SAMPLE_MS, Math.max(1, endsAt - performance.now())));
    memory.push(residentMb(server.pid));
    const total = [...traffic.tally.values()].reduce((sum, count) => sum + count, 0);
    say(
      `${Math.round((endsAt - performance.now()) / 1000)} s left: ${total} requests, ${memory.at(-1)?.toFixed(0)} MB, ${JSON.stringify(await rows())}`,
    );
  }
  await working;
  traffic.close();
  say(`a minute of quiet`);
  await sleep(QUIET_MS + 5000);
  const [after, left] = [residentMb(server.pid), await rows()];
  await connection.end();
  const plateau = median(memory.slice(Math.floor(memory.length / 4), Math.ceil(memory.length / 2)));
  for (const [kind, count] of [...traffic.tally].sort())
    say(`${String(count).padStart(9)}  ${kind}`);
  say(
    `plateau ${plateau.toFixed(0)} MB, highest ${Math.max(...memory).toFixed(0)} MB, after ${after.toFixed(0)} MB; ${JSON.stringify(left)}`,
  );
  return [
    ...(after > plateau * 1.2
      ? [`memory is ${after.toFixed(0)} MB after the load, ${plateau.toFixed(0)} MB during it`]
      : []),
    ...((left.rate_limit_hits ?? 0) > MOST_HITS
      ? [`${left.rate_limit_hits} counts of requests are left`]
      : []),
    ...[...traffic.tally.keys()].filter((kind) => /: (5\d\d|broken)(?! OVERLOADED)/.test(kind)),
  ];
}

function residentMb(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * PAGE_BYTES) / 1e6;
}

main().catch((error: unknown) => {
  say(String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
});
