import { type Command, RefusedError, UsageError } from '../../src/cli/command.ts';
import { withConnections, withServices } from '../../src/cli/terminal.ts';
import { AuthError } from '../../src/errors.ts';
import { TEST_SECRET } from './app.ts';
import type { Finished } from './process.ts';

export interface RunOptions {
  env?: Record<string, string>;
  /** What to type when asked for a secret. */
  secret?: string;
  /** The answer to a question; without it, the terminal is not interactive. */
  confirm?: boolean;
}

/** Runs a command inside this process, which is faster than starting one; `test/cli/commands.test.ts` runs the real process. */
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
    if (error instanceof UsageError || error instanceof RefusedError) complain(error.message);
    else if (error instanceof AuthError) complain(error.code);
    else throw error;
    return error instanceof UsageError ? 2 : 1;
  });
  return { code, output, errors };
}

const CHEAP = { ARGON2_MEMORY: '8', ARGON2_PASSES: '1' };
