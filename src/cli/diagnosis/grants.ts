import { RUNTIME_RIGHTS, readRights, withConnection } from '../../db/accounts.ts';
import type { DatabaseConnection } from '../../db/connection.ts';
import { MIGRATION_PRIVILEGES } from '../../db/grants.ts';
import {
  compareRights,
  type NeededRight,
  type Right,
  type Rights,
  rightObjectSql,
} from '../../db/rights.ts';
import { type Finding, findingsOf } from './finding.ts';
import { unreachable } from './reach.ts';

const grants = findingsOf('grants');
const migration = findingsOf('migration-user');
const MOST_NAMED = 4;

/**
 * Checks that the service's user has exactly the rights it needs.
 *
 * @param isOwn whether the service started the server itself: nobody else can reach it, and there is no other user
 */
export async function checkGrants(
  connection: DatabaseConnection,
  isOwn: boolean,
): Promise<Finding[]> {
  if (isOwn) return [grants.ok("The database is the service's own, and so is its only user.")];
  try {
    const rights = await withConnection(connection, (open) => readRights(open));
    return judgeGrants(rights, connection);
  } catch {
    // the check of the database has reported that it cannot be reached
    return [];
  }
}

/** Judges the rights of the service's user. */
function judgeGrants(rights: Rights, { database, user }: DatabaseConnection): Finding[] {
  const { missing, excessive } = compareRights(rights, RUNTIME_RIGHTS, database);
  const findings: Finding[] = [];
  if (missing.length > 0 && !rights.hasRoles) {
    findings.push(
      grants.broken(
        `The user ${user} lacks ${namesOf(missing.map(neededText))}.`,
        'Run `npm run cli -- migrate` with MIGRATION_DATABASE_URL set; it grants what is missing.',
      ),
    );
  }
  if (excessive.length > 0) {
    findings.push(
      grants.warning(
        `The user ${user} may do more than the service needs: ${namesOf(excessive.map(rightText))}.${mayForge(excessive, database) ? ' It could change the audit log.' : ''}`,
        'Run `npm run cli -- create-db`: it gives the user exactly the rights it needs, and revokes the others.',
      ),
    );
  }
  if (rights.hasRoles) {
    findings.push(
      grants.warning(
        `The user ${user} has roles, which are not examined.`,
        'Grant the rights to the user itself, as `npm run cli -- create-db` does.',
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [grants.ok(`The user ${user} has exactly the rights that the service needs.`)];
}

function mayForge(excessive: Right[], database: string): boolean {
  const changing = ['UPDATE', 'DELETE', 'ALL PRIVILEGES', 'DROP', 'ALTER'];
  return excessive.some(
    ({ object, privileges }) =>
      (object.kind !== 'table' || object.name === 'audit_events') &&
      (object.kind === 'server' || object.database.replaceAll('\\', '') === database) &&
      privileges.some((privilege) => changing.includes(privilege)),
  );
}

function neededText({ name, privileges }: NeededRight): string {
  return `${privileges.join(', ')} on ${name}`;
}

function rightText({ object, privileges }: Right): string {
  const named = privileges.slice(0, MOST_NAMED).join(', ');
  const more = privileges.length > MOST_NAMED ? ' and more' : '';
  return `${named}${more} on ${rightObjectSql(object)}`;
}

function namesOf(texts: string[]): string {
  const more = texts.length > MOST_NAMED ? `, and ${texts.length - MOST_NAMED} more` : '';
  return `${texts.slice(0, MOST_NAMED).join('; ')}${more}`;
}

/** Checks that the migration user can connect, and may migrate. */
export async function checkMigrationUser(connection: DatabaseConnection): Promise<Finding[]> {
  const { database, user } = connection;
  // no table has an empty name, so only a right on the whole database, or on the server, covers this one
  const needed = [
    { kind: 'table', name: '', privileges: [...MIGRATION_PRIVILEGES, 'GRANT OPTION'] },
  ] as const;
  try {
    const rights = await withConnection(connection, (open) => readRights(open));
    const [lacking] = compareRights(rights, needed, database).missing;
    if (lacking === undefined) return [migration.ok(`The user ${user} may migrate.`)];
    if (rights.hasRoles)
      return [migration.ok(`The user ${user} has roles, which are not examined.`)];
    return [
      migration.broken(
        `The user ${user} lacks ${lacking.privileges.join(', ')} on the database.`,
        'Run `npm run cli -- create-db` again: it grants what is missing.',
      ),
    ];
  } catch (error) {
    return [unreachable('migration-user', 'MIGRATION_DATABASE_URL', connection, error)];
  }
}
