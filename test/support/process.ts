import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { TEST_SECRET } from './app.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The result of a finished process. */
export interface Finished {
  code: number | null;
  output: string;
  errors: string;
}

/** A process of the service or of a command, started as an operator would start it. */
export interface ServiceProcess {
  child: ChildProcess;
  /** Resolves once the process has printed the text; rejects if the process ends first. */
  printed(text: string): Promise<string>;
  finished: Promise<Finished>;
}

/**
 * Starts `dist/<entry>`, which `npm test` has compiled, with its own environment: it inherits only PATH from the tests.
 *
 * @param stdout a file for its output, instead of the test
 */
export function startProcess(
  entry: 'main.js' | 'cli/main.js' | 'bundle/process.js',
  args: string[],
  env: Record<string, string>,
  input = '',
  stdout: number | 'pipe' = 'pipe',
): ServiceProcess {
  const child = spawn(process.execPath, [join(ROOT, 'dist', entry), ...args], {
    cwd: ROOT,
    stdio: ['pipe', stdout, 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      AUTH_SECRET: TEST_SECRET,
      ...env,
    },
  });
  let output = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdin?.end(input);
  const finished = once(child, 'close').then(([code]) => ({ code, output, errors }));
  return {
    child,
    finished,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (output.includes(text)) resolve(output);
        };
        child.stdout?.on('data', check);
        child.once('close', () => reject(new Error(`ended without "${text}": ${output}${errors}`)));
        check();
      }),
  };
}
