import type { Config } from '../../config.ts';
import { type Db, openDatabase } from '../../db/client.ts';
import type { DatabaseConnection } from '../../db/connection.ts';
import { driverError, isDenied } from '../../db/failure.ts';
import { migrate } from '../../db/migrate.ts';
import { MigrationError } from '../../db/migration-error.ts';
import { MIGRATIONS } from '../../db/migration-files.ts';
import { readServerFacts } from '../../db/server-facts.ts';
import { purgeEvents } from '../../records/audit-event.ts';
import { type Finding, findingsOf } from './finding.ts';
import { unreachable } from './reach.ts';
import { judgeServer } from './server.ts';
import { checkStoredSecrets } from './stored-secrets.ts';

const TIMEOUT_MS = 10_000;
const NO_SUCH_DEFINER = 1449;

const database = findingsOf('database');
const migrations = findingsOf('migrations');
const procedures = findingsOf('procedures');

/**
 * Checks the database through the service's own connection settings.
 *
 * @param config `null` if it is invalid; checks that need it are then skipped
 */
export async function checkDatabase(
  connection: DatabaseConnection,
  config: Config | null,
): Promise<Finding[]> {
  const connections = config?.database.connections ?? 1;
  const { db, close } = openDatabase({ connection, connections: 1, timeoutMs: TIMEOUT_MS });
  try {
    const facts = await readServerFacts(db);
    return [
      database.ok(`${connection.user} can connect to ${connection.database}.`),
      ...checkTransport(connection),
      ...judgeServer(facts, connections),
      ...(await checkContents(db, connection, config)),
    ];
  } catch (error) {
    return [unreachable('database', 'DATABASE_URL', connection, error)];
  } finally {
    await close();
  }
}

function checkTransport({ host, socketPath, ssl }: DatabaseConnection): Finding[] {
  const isLocal =
    socketPath !== undefined || /^(localhost|127\.[\d.]+|::1)$/.test(host ?? 'localhost');
  if (isLocal || ssl !== undefined) return [];
  return [
    findingsOf('tls').warning(
      'The database is on another machine, and passwords and hashes are sent to it unencrypted.',
      'Add ?tls=on to DATABASE_URL, or ?tls= with the path of a CA file.',
    ),
  ];
}

async function checkContents(
  db: Db,
  connection: DatabaseConnection,
  config: Config | null,
): Promise<Finding[]> {
  const pending = await checkMigrations(connection);
  // skip what needs the tables until they exist
  if (pending.status !== 'ok') return [pending];
  return [pending, ...(await checkStoredSecrets(db, config)), ...(await checkProcedures(db))];
}

async function checkMigrations(connection: DatabaseConnection): Promise<Finding> {
  const told: string[] = [];
  try {
    const { applied } = await migrate({
      connection,
      folder: MIGRATIONS,
      log: (line) => told.push(line),
      dryRun: true,
    });
    if (applied.length > 0) {
      return migrations.broken(
        `The database lacks ${applied.join(', ')}.`,
        'Run `npm run cli -- migrate` with MIGRATION_DATABASE_URL set.',
      );
    }
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    const mend =
      error.code === 'CHANGED'
        ? 'Restore the file in drizzle/ as it was released.'
        : 'Run `npm run cli -- migrate` with MIGRATION_DATABASE_URL set.';
    return migrations.broken(error.message, mend);
  }
  const [newer] = told;
  if (newer !== undefined) return migrations.warning(`${newer}.`, 'Run the newer version.');
  return migrations.ok('All are applied.');
}

/** Calls the audit's purge procedure so that it deletes nothing: it fails if the definer whose rights it uses is gone. */
async function checkProcedures(db: Db): Promise<Finding[]> {
  try {
    await purgeEvents(db, new Date(0), 0);
    return [procedures.ok('The procedures of the audit log run.')];
  } catch (error) {
    if (driverError(error)?.errno !== NO_SUCH_DEFINER) {
      // the check of the grants reports missing rights
      return isDenied(error)
        ? []
        : [procedures.broken("The audit log's procedures fail.", 'Run `npm run cli -- migrate`.')];
    }
    return [
      procedures.broken(
        'The user who migrated is gone, but the procedures of the audit log run with its rights: accounts cannot be deleted.',
        'Create the migration user again with `npm run cli -- create-db`, under the same name.',
      ),
    ];
  }
}
