import type { JWK } from 'jose';
import type { Config } from '../../config.ts';
import { MissingSecretError } from '../../crypto/cipher.ts';
import { createKeyring } from '../../crypto/keyring.ts';
import { openSigningKeyPair } from '../../crypto/signing-key.ts';
import { type Db, openDatabase } from '../../db/client.ts';
import type { DatabaseConnection } from '../../db/connection.ts';
import { driverError } from '../../db/failure.ts';
import { migrate } from '../../db/migrate.ts';
import { MigrationError } from '../../db/migration-error.ts';
import { MIGRATIONS } from '../../db/migration-files.ts';
import { readServerFacts } from '../../db/server-facts.ts';
import { purgeEvents } from '../../records/audit-event.ts';
import { listSigningKeys } from '../../records/signing-key.ts';
import { type Finding, findingsOf } from './finding.ts';
import { unreachable } from './reach.ts';
import { judgeServer } from './server.ts';

const TIMEOUT_MS = 10_000;
const NO_SUCH_DEFINER = 1449;

const database = findingsOf('database');
const migrations = findingsOf('migrations');
const stored = findingsOf('stored-secrets');
const procedures = findingsOf('procedures');

/**
 * Checks the database as the service meets it.
 *
 * @param config absent while it is not valid; what needs it is left out then
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
      database.ok(`${connection.user} reaches ${connection.database}.`),
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
  const isLocal = socketPath !== undefined || /^(localhost|127\.|::1$)/.test(host ?? 'localhost');
  if (isLocal || ssl !== undefined) return [];
  return [
    findingsOf('tls').warning(
      'The database is on another machine, and passwords and hashes go there in the clear.',
      'Add ?tls=on to DATABASE_URL, or ?tls= and the path of its CA file.',
    ),
  ];
}

async function checkContents(
  db: Db,
  connection: DatabaseConnection,
  config: Config | null,
): Promise<Finding[]> {
  const pending = await checkMigrations(connection);
  // what is not there yet cannot be looked into
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

/** Whether AUTH_SECRET is the one that the stored keys were encrypted under. */
async function checkStoredSecrets(db: Db, config: Config | null): Promise<Finding[]> {
  if (config === null || config.tokens.algorithm === 'HS256') return [];
  const keys = createKeyring(config.secrets).keys('signing-key');
  try {
    const rows = await listSigningKeys(db);
    for (const row of rows) {
      openSigningKeyPair(keys, { ...row, publicJwk: row.publicJwk as JWK });
    }
    return [stored.ok('AUTH_SECRET opens the signing keys.')];
  } catch (error) {
    if (isDenied(error)) return [];
    if (error instanceof MissingSecretError) {
      return [
        stored.broken(
          'AUTH_SECRET lacks the entry that the signing keys were encrypted under: the service does not start.',
          'Put the old value back, behind the current one: AUTH_SECRET=NEW,OLD.',
        ),
      ];
    }
    return [
      stored.broken(
        'A stored signing key cannot be opened: it was changed, or belongs to another row.',
        'Restore signing_keys from a backup, or run `npm run cli -- keys retire` for it.',
      ),
    ];
  }
}

/** Runs the procedure that purges the audit over nothing: it fails when the user in whose name it runs is gone. */
async function checkProcedures(db: Db): Promise<Finding[]> {
  try {
    await purgeEvents(db, new Date(0), 0);
    return [procedures.ok('The procedures of the audit run.')];
  } catch (error) {
    if (driverError(error)?.errno !== NO_SUCH_DEFINER) {
      // a lack of rights is told of with the others
      return isDenied(error)
        ? []
        : [procedures.broken("The audit's procedures fail.", 'Run `npm run cli -- migrate`.')];
    }
    return [
      procedures.broken(
        'The user who migrated is gone, in whose name the procedures of the audit run: accounts cannot be deleted.',
        'Create the migration user again by `npm run cli -- create-db`, under the same name.',
      ),
    ];
  }
}

function isDenied(error: unknown): boolean {
  // a table, a database, a procedure
  return [1142, 1044, 1370].includes(driverError(error)?.errno ?? 0);
}
