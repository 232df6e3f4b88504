/** What a right applies to: the whole server, a database, or an object in one. */
export interface RightObject {
  kind: 'server' | 'database' | 'table' | 'procedure' | 'function';
  /** In a grant on a database this is a pattern: _ and % are wildcards unless they are escaped. */
  database: string;
  name: string;
}

/** Privileges on one object, as the server lists them. */
export interface Right {
  object: RightObject;
  /** In capitals, such as SELECT; may contain `GRANT OPTION`. */
  privileges: readonly string[];
}

/** What an account may do, as far as SHOW GRANTS tells. */
export interface Rights {
  rights: Right[];
  /** Whether the account has roles too; their rights are not included. */
  hasRoles: boolean;
}

/** Privileges on a table or procedure of the database that the service uses. */
export interface NeededRight {
  kind: 'table' | 'procedure';
  name: string;
  privileges: readonly string[];
}

/** The difference between what an account may do and what it needs. */
export interface RightsDifference {
  missing: NeededRight[];
  excessive: Right[];
}

const QUOTED = /`((?:[^`]|``)*)`/g;

/** Reads the lines of SHOW GRANTS, of MySQL or MariaDB. */
export function parseGrants(lines: readonly string[]): Rights {
  const found: Rights = { rights: [], hasRoles: false };
  for (const line of lines) {
    const [, privileges, kind, object = '', rest = ''] =
      /^GRANT (.+?) ON (?:(PROCEDURE|FUNCTION) )?((?:`(?:[^`]|``)*`|\*)\.(?:`(?:[^`]|``)*`|\*)) TO (.*)$/.exec(
        line,
      ) ?? [];
    // MariaDB also lists the rights that everybody has, which are not this account's
    if (/ TO `?PUBLIC`?( |$)/.test(line)) continue;
    if (privileges === undefined) {
      if (!/^(GRANT PROXY|SET DEFAULT|REVOKE)/.test(line)) found.hasRoles = true;
      continue;
    }
    const names = splitPrivileges(privileges).filter((name) => name !== 'USAGE');
    if (/ WITH .*GRANT OPTION/.test(rest)) names.push('GRANT OPTION');
    if (names.length > 0)
      found.rights.push({ object: readObject(kind, object), privileges: names });
  }
  return found;
}

function splitPrivileges(text: string): string[] {
  // commas inside a list of columns do not separate privileges
  return text.split(/, (?![^(]*\))/).map((name) => name.trim());
}

function readObject(kind: string | undefined, text: string): RightObject {
  const [database = '', name = ''] = [...text.matchAll(QUOTED)].map(([, quoted = '']) =>
    quoted.replaceAll('``', '`'),
  );
  if (text === '*.*') return { kind: 'server', database: '', name: '' };
  if (text.endsWith('.*')) return { kind: 'database', database, name: '' };
  if (kind === undefined) return { kind: 'table', database, name };
  return { kind: kind === 'PROCEDURE' ? 'procedure' : 'function', database, name };
}

/**
 * Compares what an account may do with what it needs in one database. A right that reaches further than one needed
 * object counts as excessive, but still covers the needs within its reach.
 */
export function compareRights(
  { rights }: Rights,
  needed: readonly NeededRight[],
  database: string,
): RightsDifference {
  const missing = needed
    .map((need) => ({
      ...need,
      privileges: need.privileges.filter(
        (privilege) => !rights.some((right) => covers(right, need, privilege, database)),
      ),
    }))
    .filter(({ privileges }) => privileges.length > 0);
  const excessive = rights
    .map(({ object, privileges }) => ({
      object,
      privileges: privileges.filter((privilege) => !isNeeded(object, privilege, needed, database)),
    }))
    .filter(({ privileges }) => privileges.length > 0);
  return { missing, excessive };
}

function covers(
  { object, privileges }: Right,
  need: NeededRight,
  privilege: string,
  database: string,
): boolean {
  const isAmongAll = privilege !== 'GRANT OPTION' && privileges.includes('ALL PRIVILEGES');
  if (!privileges.includes(privilege) && !isAmongAll) return false;
  if (object.kind === 'server') return true;
  if (object.kind === 'database') return matchesPattern(object.database, database);
  return object.database === database && object.kind === need.kind && sameName(object, need);
}

function isNeeded(
  object: RightObject,
  privilege: string,
  needed: readonly NeededRight[],
  database: string,
): boolean {
  return needed.some(
    (need) =>
      object.database === database &&
      object.kind === need.kind &&
      sameName(object, need) &&
      need.privileges.includes(privilege),
  );
}

// routine names are case-insensitive
function sameName(object: RightObject, need: NeededRight): boolean {
  return object.name.toLowerCase() === need.name.toLowerCase();
}

function matchesPattern(pattern: string, database: string): boolean {
  const source = pattern.replace(/\\?./gs, (part) => {
    if (part === '_') return '.';
    return part === '%' ? '.*' : (part.at(-1) ?? '').replace(/\W/, '\\$&');
  });
  return new RegExp(`^${source}$`, 'is').test(database);
}

/** The SQL for what a right applies to. The name of a database is a pattern here, so wildcards are not escaped. */
export function rightObjectSql({ kind, database, name }: RightObject): string {
  const quoted = (text: string) => `\`${text.replaceAll('`', '``')}\``;
  if (kind === 'server') return '*.*';
  if (kind === 'database') return `${quoted(database)}.*`;
  const prefix = kind === 'table' ? '' : `${kind.toUpperCase()} `;
  return `${prefix}${quoted(database)}.${quoted(name)}`;
}
