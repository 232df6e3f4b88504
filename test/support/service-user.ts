import { inject } from 'vitest';
import { grantRuntime, readRights, withConnection } from '../../src/db/accounts.ts';
import { connectionOptions, databaseUrl as writeUrl } from '../../src/db/connection.ts';
import { runSql } from './database.ts';
import { copySchema } from './schema-text.ts';

const PASSWORD = 'tests-only-Pw1-9d3f';

/**
 * Creates a migrated database, unless it exists, and the user with few rights that the service runs as, so that the service
 * has no more rights in any test than in production.
 *
 * @returns the URL by which the service reaches the database
 */
export async function serviceUrl(databaseUrl: string): Promise<string> {
  const connection = connectionOptions(databaseUrl, () => '');
  const { database, host = 'localhost', port = 3306, socketPath } = connection;
  await copySchema(databaseUrl, () => inject('schema'));
  const user = serviceUser(database);
  await withConnection(connection, async (open) => {
    await open.query(`create user if not exists '${user}'@'%' identified by '${PASSWORD}'`);
    const account = { user, host: '%' };
    await grantRuntime(open, account, database, await readRights(open, account));
  });
  return writeUrl({ user, password: PASSWORD, host, port, socketPath, tls: undefined, database });
}

export async function dropServiceUser(databaseUrl: string): Promise<void> {
  const { database } = connectionOptions(databaseUrl, () => '');
  await runSql(databaseUrl, `drop user if exists '${serviceUser(database)}'@'%'`);
}

function serviceUser(database: string): string {
  return `service_${database.slice(-12)}`;
}
