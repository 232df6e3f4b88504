import { parseArgs } from 'node:util';
import { AuthError } from '../errors.ts';
import { createUser } from '../flows/user-creation.ts';
import { type Command, RefusedError, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';
import { OPERATOR } from './operator.ts';

/** Creates an administrator. The first one cannot come from registering, which never gives a role. */
export const createAdmin: Command = {
  name: 'create-admin',
  summary: 'create an account with the role ADMIN',
  help: `Creates an account with the role ADMIN.

  npm run cli -- create-admin --email ADDRESS [--username NAME] [--display-name NAME] [--json]

  --email ADDRESS      the e-mail address
  --username NAME      a username, which can also be used to sign in
  --display-name NAME  the display name
  --json               {"id": ..., "email": ...}

The password is asked for, or read from standard input:
  echo "$PASSWORD" | npm run --silent cli -- create-admin --email ada@example.com
It is never an argument, because the list of processes and the shell's history show those.

Exit codes: 0 created, 1 refused, such as for an address that is taken, 2 wrong usage.`,
  async run(args, terminal) {
    const { email, username, displayName, json } = readOptions(args);
    const password = await readPassword(terminal);
    const user = await terminal.withServices(({ deps }) =>
      createUser(deps, OPERATOR, {
        email,
        username,
        displayName,
        password,
        role: 'ADMIN',
        appMetadata: {},
      }).catch(explainTaken),
    );
    const { id } = user;
    terminal.print(
      json
        ? jsonText({ id, email: user.email })
        : `Created the administrator ${user.email} (${id}).`,
    );
    return 0;
  },
};

/** What people are told, to sign in, helps no operator. */
function explainTaken(error: unknown): never {
  if (!(error instanceof AuthError && error.code === 'EMAIL_TAKEN')) throw error;
  throw new RefusedError(
    'An account has this address already. `users show` tells whose it is, and `users promote` makes it an administrator.',
  );
}

function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      email: { type: 'string' },
      username: { type: 'string' },
      'display-name': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.email === undefined) throw new UsageError('--email is missing.');
  return {
    email: values.email,
    username: values.username ?? null,
    displayName: values['display-name'] ?? null,
    json: values.json,
  };
}

async function readPassword(terminal: Terminal): Promise<string> {
  const password = await terminal.readSecret('Password: ');
  if (password === '') throw new UsageError('A password is required: type one, or pipe it in.');
  return password;
}
