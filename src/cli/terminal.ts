import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { openServices } from '../app.ts';
import { loadConfig, readEnvironment } from '../config.ts';
import { joinEmbeddedDatabase } from '../db/embedded.ts';
import type { Terminal } from './command.ts';

/** The terminal that the operator sits at, or the pipe that a script has put in its place. */
export function createTerminal(): Terminal {
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    readSecret: (prompt) => (process.stdin.isTTY ? askHidden(prompt) : readFirstLine()),
    async withServices(work) {
      const env = { LOG_LEVEL: 'warn', ...readEnvironment(process.cwd()) };
      const services = await openServices(loadConfig(env), {}, joinEmbeddedDatabase);
      try {
        return await work(services);
      } finally {
        await services.close();
      }
    },
  };
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

async function askHidden(prompt: string): Promise<string> {
  // readline repeats what is typed to its output; this one shows nobody anything
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
