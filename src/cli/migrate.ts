import { parseArgs } from 'node:util';
import { currentAccount, grantRuntime, readRights, withConnection } from '../db/accounts.ts';
import type { DatabaseConnection } from '../db/connection.ts';
import { migrate as applyMigrations } from '../db/migrate.ts';
import { MIGRATIONS } from '../db/migration-files.ts';
import type { Command, Reach, Terminal } from './command.ts';
import { jsonText } from './json-text.ts';

/** Applies pending migrations, and grants the service's user its rights on the tables that they create. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'bring the database up to this version',
  help: `Applies the migrations that the database lacks, and prints which.

  npm run cli -- migrate [--dry-run] [--json]

  --dry-run   print what would be applied, and change nothing
  --json      {"applied": [...], "granted": [...], "dryRun": false}

The service does the same at its start if its user may change tables. It is safer if its user
may not; then give this command a user who may:

  MIGRATION_DATABASE_URL=mysql://latchkey_migration:...@db.internal/latchkey \\
    npm run cli -- migrate

If DATABASE_URL names the service's own user, this also grants that user exactly the rights
that this version needs on the tables. \`create-db\` makes both users. No other variable is
needed.

It is safe to run several at once, while the service runs, and again after an interruption: it
continues where it stopped. Exit codes: 0 up to date, 1 refused or failed, 2 wrong usage.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args,
      options: {
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const dryRun = values['dry-run'];
    return terminal.withConnections(async (reach) => {
      const log = values.json || dryRun ? () => undefined : terminal.complain;
      const connection = reach.migration;
      const { applied } = await applyMigrations({ connection, folder: MIGRATIONS, log, dryRun });
      const granted = dryRun ? [] : await grantToService(reach);
      if (values.json) terminal.print(jsonText({ applied, granted, dryRun }));
      else report(terminal, applied, granted, dryRun);
      return 0;
    });
  },
};

function report(terminal: Terminal, applied: string[], granted: string[], dryRun: boolean): void {
  if (dryRun && applied.length > 0) {
    terminal.print(`Would apply ${applied.join(', ')}. Nothing was changed.`);
    return;
  }
  if (granted.length > 0)
    terminal.print(`Granted the service's user rights on ${granted.join(', ')}.`);
  terminal.print('The database is up to date.');
}

/**
 * Grants the service's user its rights. Only possible once the tables exist, so the user who created them does it.
 *
 * @returns the names of the tables and procedures granted
 */
async function grantToService({ service, migration }: Reach): Promise<string[]> {
  if (service === undefined || isSameUser(service, migration)) return [];
  // ask as the service: only then the server tells which of its accounts this is, and the rights that it has
  const { database: _none, ...server } = service;
  const account = await withConnection(server, async (connection) => ({
    ...(await currentAccount(connection)),
    rights: await readRights(connection),
  }));
  const granted = await withConnection(migration, (connection) =>
    grantRuntime(connection, account, migration.database, account.rights),
  );
  return granted.map(({ name }) => name);
}

function isSameUser(one: DatabaseConnection, other: DatabaseConnection): boolean {
  return one.user === other.user;
}
