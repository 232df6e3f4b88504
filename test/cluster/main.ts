import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster, Site } from './cluster.ts';
import { removeRuns, startGalera } from './galera.ts';
import { startGroupReplication } from './group-replication.ts';
import { runScenario } from './scenario.ts';

const USAGE = `Usage: npm run test:cluster -- [--only group-replication|galera] [--port 21010]

Brings up real clusters on this machine, of Debian packages that are unpacked into the temporary
directory, and kills what is written to under the service. Takes some minutes.`;

const PORTS_OF_A_CLUSTER = [0, 1, 2].flatMap((node) => [node, node + 100, node + 200, node + 300]);

/** Runs what is asked for. @returns the exit code */
async function main(args: string[]): Promise<number> {
  const only = optionOf(args, '--only');
  const port = Number(optionOf(args, '--port') ?? 21_010);
  const isKnown = only === undefined || only === 'group-replication' || only === 'galera';
  if (args.includes('--help') || !isKnown || !Number.isInteger(port)) {
    process.stdout.write(`${USAGE}\n`);
    return args.includes('--help') ? 0 : 2;
  }
  const home = join(tmpdir(), `latchkey-cluster-${process.getuid?.() ?? 0}`);
  mkdirSync(home, { recursive: true });
  const directory = join(home, `run-${process.pid}`);
  const site: Site = { home, directory, say };
  const problems: string[] = [];
  try {
    await assertFree(port, only !== 'galera');
    removeRuns(home);
    if (only !== 'galera') {
      problems.push(...(await run(site, (at) => startGroupReplication(at, port), port + 20)));
    }
    if (only !== 'group-replication') {
      problems.push(...(await run(site, (at) => startGalera(at, port + 10), port + 30)));
    }
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  for (const problem of problems) say(`FAILED: ${problem}`);
  if (problems.length > 0) say(`What all said is in ${directory}.`);
  else rmSync(directory, { recursive: true, force: true });
  say(problems.length > 0 ? 'It failed.' : 'All was as it was acknowledged.');
  return problems.length > 0 ? 1 : 0;
}

async function run(
  site: Site,
  bringUp: (site: Site) => Promise<Cluster>,
  port: number,
): Promise<string[]> {
  const cluster = await bringUp(site);
  try {
    return await runScenario(site, cluster, port);
  } finally {
    await cluster.stop();
  }
}

const startedAt = performance.now();

function say(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(4);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

function optionOf(args: string[], name: string): string | undefined {
  const index = args.indexOf(name);
  return index === -1 ? undefined : args[index + 1];
}

/** Somebody else's server must not be taken for one of ours. */
async function assertFree(base: number, isFirst: boolean): Promise<void> {
  const ports = PORTS_OF_A_CLUSTER.flatMap((offset) => [
    ...(isFirst ? [base + offset] : []),
    base + 10 + offset,
  ]);
  for (const port of ports) {
    if (await isTaken(port)) throw new Error(`Port ${port} is in use; choose others by --port.`);
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// what runs is ended on the way out
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
process.exit(await main(process.argv.slice(2)));
