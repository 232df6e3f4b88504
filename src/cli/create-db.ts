import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Connection } from 'mysql2/promise';
import {
  type Account,
  anonymousUsers,
  createAccount,
  createDatabase,
  grantMigration,
  grantRuntime,
  readRights,
  revokeExcessive,
  withConnection,
} from '../db/accounts.ts';
import { connectionOptions, databaseUrl } from '../db/connection.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';

/** Creates the database and its two users: one that changes tables, and one for the service. */
export const createDb: Command = {
  name: 'create-db',
  summary: 'create the database, and its users for migrations and for the service',
  help: `Creates the database (utf8mb4), a user for migrations, who can change its tables, and a user
for the service, who has few rights, and prints the URL of each:

  DATABASE_URL=mysql://latchkey:...@db.internal:3306/latchkey
  MIGRATION_DATABASE_URL=mysql://latchkey_migration:...@db.internal:3306/latchkey

  npm run --silent cli -- create-db --host db.internal --user root >> .env
  npm run cli -- migrate
  npm run cli -- create-admin --email ada@example.com

  --host HOST             the database server (localhost)
  --port PORT             its port (3306)
  --socket PATH           its Unix socket, instead of host and port
  --tls HOW               on (verified), insecure (not verified), or the path of a CA file
  --user NAME             an administrator of the server (root)
  --database NAME         the database to create (latchkey)
  --runtime-user NAME     the service's user (latchkey)
  --migration-user NAME   the user who changes tables (latchkey_migration)
  --client-host HOST      where both may connect from, in MySQL's notation: %, 10.0.0.% (%)
  --new-passwords         set and print new passwords for users that exist already
  --json                  {"created": {...}, "databaseUrl": ..., "migrationDatabaseUrl": ...}

The administrator's password is read from DB_PASSWORD, from the terminal or from standard
input; it is never an argument. The passwords of the new users are generated, and printed only
this once. Keep MIGRATION_DATABASE_URL away from the service, which needs only DATABASE_URL.
The service's user gets its rights on the tables when \`migrate\` creates them. Do not delete
the migration user: the audit log's procedures run with its rights.

It is safe to run again: existing databases, users and passwords are kept, and the service's
user gets exactly the rights it needs. Exit codes: 0 done, 1 refused or failed, or the new
users cannot sign in from here, 2 wrong usage.`,
  async run(args, terminal) {
    const options = readOptions(args);
    const password = await readPassword(terminal);
    const admin = connectionOptions(databaseUrl({ ...options, password }), (path) =>
      readFileSync(path, 'utf8'),
    );
    // connect without the database, which may not exist yet
    const { database: _none, ...server } = admin;
    const done = await withConnection(server, (connection) => setUp(connection, options));
    report(terminal, options, done);
    const refusal = await withConnection(server, (connection) => tryOut(connection, options, done));
    if (refusal !== null) terminal.complain(refusal);
    return refusal === null ? 0 : 1;
  },
};

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      host: { type: 'string', default: 'localhost' },
      port: { type: 'string', default: '3306' },
      socket: { type: 'string' },
      tls: { type: 'string' },
      user: { type: 'string', default: 'root' },
      database: { type: 'string', default: 'latchkey' },
      'runtime-user': { type: 'string', default: 'latchkey' },
      'migration-user': { type: 'string', default: 'latchkey_migration' },
      'client-host': { type: 'string', default: '%' },
      'new-passwords': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (!/^\d{1,5}$/.test(values.port)) throw new UsageError('--port must be a number.');
  if (!/^[\w$-]{1,64}$/.test(values.database)) {
    throw new UsageError('--database takes letters, digits, _, $ and -.');
  }
  if (values['runtime-user'] === values['migration-user']) {
    throw new UsageError('--runtime-user and --migration-user must be two different users.');
  }
  return {
    host: values.host,
    port: Number(values.port),
    socketPath: values.socket,
    tls: values.tls,
    user: values.user,
    database: values.database,
    runtime: { user: values['runtime-user'], host: values['client-host'] },
    migration: { user: values['migration-user'], host: values['client-host'] },
    newPasswords: values['new-passwords'],
    json: values.json,
  };
}

async function readPassword(terminal: Terminal): Promise<string> {
  // an empty password is valid too: that of a freshly installed server
  return terminal.environment().DB_PASSWORD ?? (await terminal.readSecret('Password: '));
}

interface Done {
  createdDatabase: boolean;
  /** The password that was set; `null` for a user who kept the old one. */
  runtime: string | null;
  migration: string | null;
  granted: string[];
  revoked: number;
}

async function setUp(connection: Connection, options: Options): Promise<Done> {
  const { database, runtime, migration, newPasswords } = options;
  const { created, charset } = await createDatabase(connection, database);
  if (charset !== 'utf8mb4') {
    throw new UsageError(
      `The database ${database} exists already, with the character set ${charset}. Choose another name, or run: ALTER DATABASE \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
    );
  }
  const migrationPassword = await setUpAccount(connection, migration, newPasswords);
  await grantMigration(connection, migration, database);
  const runtimePassword = await setUpAccount(connection, runtime, newPasswords);
  // Grant before revoking, so that a running service never lacks a right. Rights on the whole server or database do not
  // count as granted, because they are about to be revoked.
  const rights = await readRights(connection, runtime);
  const lasting = { ...rights, rights: rights.rights.filter(({ object }) => object.name !== '') };
  const granted = await grantRuntime(connection, runtime, database, lasting);
  const revoked = await revokeExcessive(connection, runtime, database, rights);
  return {
    createdDatabase: created,
    runtime: runtimePassword,
    migration: migrationPassword,
    granted: granted.map(({ name }) => name),
    revoked: revoked.length,
  };
}

/** @returns the password that was set, or `null` for an account that kept its own */
async function setUpAccount(
  connection: Connection,
  account: Account,
  replace: boolean,
): Promise<string | null> {
  const fresh = newPassword();
  const created = await createAccount(connection, account, { fresh, replace });
  return created || replace ? fresh : null;
}

/** Signs in as the new users, if --client-host allows it from here. @returns what prevents it, or `null` */
async function tryOut(
  connection: Connection,
  options: Options,
  done: Done,
): Promise<string | null> {
  const { runtime, migration } = options;
  if (!['%', 'localhost'].includes(runtime.host)) return null;
  try {
    await signIn(options, runtime, done.runtime);
    await signIn(options, migration, done.migration);
    return null;
  } catch {
    const anonymous = await anonymousUsers(connection);
    return anonymous.length > 0
      ? `The new users cannot sign in: the server's anonymous users take precedence. Run on the server: DROP USER ${anonymous.join(', ')}`
      : 'The new users cannot sign in from here. Does --client-host allow the host they connect from?';
  }
}

async function signIn(options: Options, { user }: Account, password: string | null): Promise<void> {
  if (password === null) return;
  const { database: _none, ...server } = connectionOptions(
    databaseUrl({ ...options, user, password }),
    (path) => readFileSync(path, 'utf8'),
  );
  await withConnection(server, async () => undefined);
}

/** A password with 192 random bits, and with at least one character of each kind that password policies may require. */
function newPassword(): string {
  return `${randomBytes(24).toString('base64url')}-aA1`;
}

function report(terminal: Terminal, options: Options, done: Done): void {
  const urlOf = ({ user }: Account, password: string | null) =>
    password === null ? null : databaseUrl({ ...options, user, password });
  const databaseUrls = {
    databaseUrl: urlOf(options.runtime, done.runtime),
    migrationDatabaseUrl: urlOf(options.migration, done.migration),
  };
  if (options.json) {
    const { createdDatabase: database, granted, revoked } = done;
    const created = {
      database,
      runtimeUser: done.runtime !== null,
      migrationUser: done.migration !== null,
    };
    terminal.print(jsonText({ created, granted, revoked, ...databaseUrls }));
    return;
  }
  const { database, runtime, migration } = options;
  terminal.complain(
    `${done.createdDatabase ? 'Created' : 'Found'} the database ${database}. ${told(runtime, done.runtime)} ${told(migration, done.migration)}`,
  );
  if (done.granted.length > 0) terminal.complain(`Granted: ${done.granted.join(', ')}.`);
  if (done.revoked > 0)
    terminal.complain(`Revoked ${done.revoked} rights from ${runtime.user} that it does not need.`);
  printUrl(terminal, 'DATABASE_URL', databaseUrls.databaseUrl);
  printUrl(terminal, 'MIGRATION_DATABASE_URL', databaseUrls.migrationDatabaseUrl);
  terminal.complain(
    'Next: npm run cli -- migrate, with both variables set. The service needs only DATABASE_URL.',
  );
}

function told({ user }: Account, password: string | null): string {
  return password === null
    ? `${user} exists already and keeps its password (--new-passwords changes it).`
    : `${user} has a new password.`;
}

function printUrl(terminal: Terminal, name: string, url: string | null): void {
  if (url !== null) terminal.print(`${name}=${url}`);
}
