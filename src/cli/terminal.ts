import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { loadConfig } from '../config.ts';
import { loadConnections } from '../database-connections.ts';
import { connectionOptions } from '../db/connection.ts';
import { joinEmbeddedDatabase } from '../db/embedded.ts';
import { openServices, type Services } from '../services.ts';
import { readEnvironment, type Variables } from '../variables.ts';
import type { Reach, Terminal } from './command.ts';

const CLEAR_LINE = '\r\u001b[K';

/** The operator's terminal, or the pipes that a script uses in its place. */
export function createTerminal(): Terminal {
  // the reader may close the pipe early, as `head` does; an unhandled error would end the process
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  let shown = false;
  const progress = (line: string | null) => {
    if (!process.stderr.isTTY || (line === null && !shown)) return;
    process.stderr.write(`${CLEAR_LINE}${line ?? ''}`);
    shown = line !== null;
  };
  const write = (stream: NodeJS.WriteStream, line: string) => {
    progress(null);
    stream.write(`${line}\n`);
  };
  const environment = () => ({ LOG_LEVEL: 'warn', ...readEnvironment(process.cwd()) });
  return {
    print: (line) => write(process.stdout, line),
    complain: (line) => write(process.stderr, line),
    progress,
    readSecret: (prompt) => (process.stdin.isTTY ? askHidden(prompt) : readFirstLine()),
    confirm: (question) => (process.stdin.isTTY ? askYes(question) : Promise.resolve(null)),
    environment,
    withServices: (work) => withServices(environment(), work),
    withConnections: (work) => withConnections(environment(), work),
  };
}

/** Implements `withServices` for an environment. */
export async function withServices<T>(
  environment: Variables,
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const services = await openServices(loadConfig(environment), {}, joinEmbeddedDatabase);
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}

/** Implements `withConnections` for an environment. */
export async function withConnections<T>(
  environment: Variables,
  work: (reach: Reach) => Promise<T>,
): Promise<T> {
  const { service, migration, dataDirectory } = loadConnections(environment);
  const given = migration ?? service;
  if (given !== undefined) return work({ service, migration: given });
  const embedded = await joinEmbeddedDatabase({ dataDirectory, log: () => undefined });
  try {
    const connection = connectionOptions(embedded.url, () => '');
    return await work({ service: connection, migration: connection });
  } finally {
    await embedded.stop();
  }
}

async function readFirstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
  }
}

async function askYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} Type "yes": `);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    lines.close();
  }
}

async function askHidden(prompt: string): Promise<string> {
  // readline echoes input to its output stream, so give it one that discards everything
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(prompt);
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
