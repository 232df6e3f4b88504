import { type Command, UsageError } from '../../src/cli/command.ts';
import { withConnections, withServices } from '../../src/cli/terminal.ts';
import { AuthError } from '../../src/errors.ts';
import { TEST_SECRET } from './app.ts';
import type { Finished } from './process.ts';

export interface RunOptions {
  env?: Record<string, string>;
  /** What is typed when a secret is asked for. */
  secret?: string;
  /** What a question is answered with; without it there is nobody to ask. */
  confirm?: boolean;
}

/** Runs a command in this process, which is quicker than one of its own; `test/cli/main.test.ts` runs the real thing. */
export async function runCommand(
  command: Command,
  args: string[],
  { env = {}, secret = '', confirm }: RunOptions = {},
): Promise<Finished> {
  let output = '';
  let errors = '';
  const environment = { NODE_ENV: 'test', AUTH_SECRET: TEST_SECRET, ...CHEAP, ...env };
  const complain = (line: string) => {
    errors += `${line}\n`;
  };
  const run = command.run(args, {
    print(line) {
      output += `${line}\n`;
    },
    complain,
    progress: () => undefined,
    readSecret: async () => secret,
    confirm: async () => confirm ?? null,
    environment: () => environment,
    withServices: (work) => withServices(environment, work),
    withConnections: (work) => withConnections(environment, work),
  });
  const code = await run.catch((error: unknown) => {
    if (error instanceof UsageError) complain(error.message);
    else if (error instanceof AuthError) complain(error.code);
    else throw error;
    return error instanceof UsageError ? 2 : 1;
  });
  return { code, output, errors };
}

const CHEAP = { ARGON2_MEMORY: '8', ARGON2_PASSES: '1' };
