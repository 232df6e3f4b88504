import { ConfigError } from '../config-error.ts';
import { MissingSecretError } from '../crypto/cipher.ts';
import { describe } from '../error-description.ts';
import { AuthError } from '../errors.ts';
import { ownVersion } from '../version.ts';
import { audit } from './audit.ts';
import { type Command, RefusedError, UsageError } from './command.ts';
import { createAdmin } from './create-admin.ts';
import { createDb } from './create-db.ts';
import { doctor } from './doctor.ts';
import { exportUser } from './export-user.ts';
import { importCommand } from './import.ts';
import { jsonText } from './json-text.ts';
import { keys } from './keys.ts';
import { mail } from './mail.ts';
import { migrate } from './migrate.ts';
import { purge } from './purge.ts';
import { secrets } from './secrets.ts';
import { createTerminal } from './terminal.ts';
import { users } from './users.ts';

const COMMANDS: readonly Command[] = [
  audit,
  createAdmin,
  createDb,
  doctor,
  exportUser,
  importCommand,
  keys,
  mail,
  migrate,
  purge,
  secrets,
  users,
];

const HELP = `The operator's commands. They use the service's database, whether or not the service is running.

  npm run cli -- COMMAND [--help]
  npm run cli -- --version

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')}`;

const terminal = createTerminal();

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--version') {
    terminal.print(ownVersion());
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const asksForHelp = name === 'help' || isHelp(name);
    if (name !== undefined && !asksForHelp) terminal.complain(`There is no command "${name}".`);
    terminal.print(HELP);
    return asksForHelp ? 0 : 2;
  }
  if (args.some(isHelp)) {
    terminal.print(command.help);
    return 0;
  }
  try {
    return await command.run(args, terminal);
  } catch (error) {
    return explain(error, command);
  }
}

function isHelp(word: string | undefined): boolean {
  return word === '--help' || word === '-h';
}

function explain(error: unknown, command: Command): number {
  if (error instanceof AuthError) {
    const reasons = error.fields.map(({ path, message }) => `  ${path}: ${message}`);
    terminal.complain([error.message, ...reasons].join('\n'));
    return 1;
  }
  const isUsage =
    error instanceof UsageError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE'));
  if (isUsage) {
    terminal.complain(`${error.message}\n\n${command.help}`);
    return 2;
  }
  const isPlain =
    error instanceof RefusedError ||
    error instanceof ConfigError ||
    error instanceof MissingSecretError ||
    (error instanceof Error && 'code' in error);
  terminal.complain(isPlain ? error.message : jsonText(describe(error)));
  return 1;
}

// Without handlers, the first process (PID 1) of a container, as `migrate` may be, would ignore both signals.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    // a command with a handler of its own ends by itself
    if (process.listenerCount(signal) === 1) process.exit(code);
  });
}
process.exitCode = await main(process.argv.slice(2));
