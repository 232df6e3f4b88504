// The process that generates load: it receives a load and sends back the result.

import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../figures.ts';
import { type Connection, openConnection } from './connection.ts';
import { createRequests, type Requests } from './requests.ts';
import type { Load, LoadResult } from './workload.ts';

interface Run {
  connections: readonly Connection[];
  requests: Requests;
  /** By `performance.now()`. */
  endsAt: number;
  /** The latencies of the answers that arrived in time. */
  latencies: number[];
}

async function put(load: Load): Promise<LoadResult> {
  const { url, servers = [url] } = load.workload;
  const opening = load.tokens.map((_, index) =>
    openConnection(servers[index % servers.length] ?? url),
  );
  const connections = await Promise.all(opening);
  const requests = createRequests(load);
  const endsAt = performance.now() + load.seconds * 1000;
  const run: Run = { connections, requests, endsAt, latencies: [] };
  try {
    await (load.rate === undefined ? flatOut(run) : steadily(run, load.rate));
  } finally {
    for (const connection of connections) connection.close();
  }
  const { latencies } = run;
  latencies.sort((a, b) => a - b);
  return {
    answers: latencies.length,
    perSecond: latencies.length / load.seconds,
    latencyMs: {
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      max: percentile(latencies, 1),
    },
    lastNumber: requests.lastNumber,
    tokens: requests.tokens,
  };
}

/** Each connection sends its next request as soon as the last one is answered. */
async function flatOut(run: Run): Promise<void> {
  const work = async (index: number) => {
    while (performance.now() < run.endsAt) await askOnce(run, index, performance.now());
  };
  await Promise.all(run.connections.map((_, index) => work(index)));
}

/** Sends requests at a fixed rate, whatever the answers take. The wait for a free connection counts as latency. */
async function steadily(run: Run, rate: number): Promise<void> {
  const free = run.connections.map((_, index) => index);
  const late: number[] = [];
  const pending: Promise<void>[] = [];
  const failures: unknown[] = [];
  const start = performance.now();

  const ask = async (index: number, dueAt: number): Promise<void> => {
    await askOnce(run, index, dueAt);
    const waiting = late.shift();
    if (waiting !== undefined) return ask(index, waiting);
    free.push(index);
  };
  for (let count = 0; failures.length === 0; count++) {
    const waitMs = start + (count * 1000) / rate - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    if (performance.now() >= run.endsAt) break;
    const index = free.shift();
    if (index === undefined) late.push(performance.now());
    else pending.push(ask(index, performance.now()).catch((error) => void failures.push(error)));
  }
  await Promise.all(pending);
  if (failures.length > 0) throw failures[0];
}

async function askOnce(run: Run, index: number, dueAt: number): Promise<void> {
  const connection = run.connections[index];
  if (connection === undefined) throw new RangeError(`There is no connection ${index}`);
  const answer = await connection.ask(run.requests.next(index));
  const answeredAt = performance.now();
  run.requests.take(index, answer);
  if (answeredAt <= run.endsAt) run.latencies.push(answeredAt - dueAt);
}

process.on('message', (load: Load) => {
  put(load).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ failure: String(error) }),
  );
});
// the benchmark's own process has ended
process.on('disconnect', () => process.exit());
