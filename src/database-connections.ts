import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { connectionOptions, type DatabaseConnection } from './db/connection.ts';
import { givenVariables, type Variables } from './variables.ts';

/** The database accounts of the service and of its migrations; undefined when the variable is not set. */
export interface Connections {
  readonly service: DatabaseConnection | undefined;
  readonly migration: DatabaseConnection | undefined;
  /** Where the embedded database keeps its files when no variable is set. */
  readonly dataDirectory: string;
}

/**
 * Reads only how to reach the database, so that migrating needs none of the service's secrets.
 *
 * @throws {ConfigError}
 */
export function loadConnections(env: Variables): Connections {
  const given = givenVariables(env);
  const service = readConnection('DATABASE_URL', given);
  const migration = readConnection('MIGRATION_DATABASE_URL', given);
  const problems = [...service.problems, ...migration.problems];
  const isGiven = (given.DATABASE_URL ?? given.MIGRATION_DATABASE_URL) !== undefined;
  if (given.NODE_ENV === 'production' && !isGiven) {
    problems.push('DATABASE_URL or MIGRATION_DATABASE_URL is required in production');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDirectory = resolve(given.DATA_DIR ?? '.data');
  return { service: service.connection, migration: migration.connection, dataDirectory };
}

/** Reads a database URL from a variable. When it is not set, there is neither a connection nor a problem. */
export function readConnection(
  name: string,
  given: Record<string, string>,
): { connection: DatabaseConnection | undefined; problems: string[] } {
  const databaseUrl = given[name];
  if (databaseUrl === undefined) return { connection: undefined, problems: [] };
  try {
    const connection = connectionOptions(databaseUrl, (path) => readFileSync(path, 'utf8'));
    return { connection, problems: [] };
  } catch (error) {
    const problem =
      error instanceof TypeError ? error.message : 'names a CA file in `tls` that cannot be read';
    return { connection: undefined, problems: [`${name} ${problem}`] };
  }
}
