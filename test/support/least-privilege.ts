import { inject } from 'vitest';
import { createDb } from '../../src/cli/create-db.ts';
import { migrate } from '../../src/cli/migrate.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { newName } from './account.ts';
import { dropDatabase, runSql } from './database.ts';
import { runCommand } from './terminal.ts';

/** A database as an operator sets it up, with a user for migrations and a user with few rights. */
export interface OperatedDatabase {
  name: string;
  /** Connects as the service's own user. */
  databaseUrl: string;
  migrationDatabaseUrl: string;
  /** Connects with all rights. */
  rootUrl: string;
  runtimeUser: string;
  migrationUser: string;
  drop(): Promise<void>;
}

/** The arguments and environment with which `create-db` reaches the tests' server, as a user with all rights. */
export function serverArguments(): { args: string[]; env: Record<string, string> } {
  const { host, port, socketPath, user, password } = connectionOptions(
    inject('databaseUrl'),
    () => '',
  );
  const place =
    socketPath === undefined
      ? ['--host', String(host), '--port', String(port)]
      : ['--socket', socketPath];
  return { args: [...place, '--user', String(user)], env: { DB_PASSWORD: String(password ?? '') } };
}

/** Runs `create-db`, and then `migrate` unless told not to. */
export async function operatedDatabase({ migrated = true } = {}): Promise<OperatedDatabase> {
  const name = newName('latchkey_cli_');
  const runtimeUser = newName('run_');
  const migrationUser = newName('mig_');
  const { args, env } = serverArguments();
  const names = [
    ...['--database', name, '--runtime-user', runtimeUser],
    ...['--migration-user', migrationUser, '--json'],
  ];
  const made = await runCommand(createDb, [...args, ...names], { env });
  const { databaseUrl, migrationDatabaseUrl } = JSON.parse(made.output);
  if (migrated) {
    await runCommand(migrate, [], {
      env: { DATABASE_URL: databaseUrl, MIGRATION_DATABASE_URL: migrationDatabaseUrl },
    });
  }
  const root = new URL(inject('databaseUrl'));
  root.pathname = `/${name}`;
  const rootUrl = root.toString();
  return {
    ...{ name, databaseUrl, migrationDatabaseUrl, rootUrl, runtimeUser, migrationUser },
    async drop() {
      await runSql(rootUrl, `drop user if exists '${runtimeUser}'@'%', '${migrationUser}'@'%'`);
      await dropDatabase(rootUrl);
    },
  };
}
