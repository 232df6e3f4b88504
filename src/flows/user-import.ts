import { alternatives } from '../alternatives.ts';
import type { Client } from '../client.ts';
import { newId } from '../crypto/id.ts';
import { importProblem } from '../crypto/password-hash.ts';
import { type Db, transaction } from '../db/client.ts';
import type { Role, UserStatus } from '../db/enumerations.ts';
import { checkAppMetadata, type Problems, readEmail, readText, readUsername } from '../input.ts';
import { readInstant } from '../instant.ts';
import type { Json } from '../json.ts';
import { recordEvents } from '../records/audit-event.ts';
import { identifierKey } from '../records/user.ts';
import { type ImportedUser, insertAbsentUsers } from '../records/user-import.ts';
import type { Deps } from './deps.ts';

/** A user as a file describes them, not yet checked. */
export interface UserRecord {
  line: number;
  record: Record<string, unknown>;
}

/** A line that was not imported, and why; the reason repeats nothing of the line. */
export interface BadLine {
  line: number;
  reason: string;
}

/** What became of some lines. */
export interface ImportReport {
  imported: number;
  /** Lines whose address already has an account. */
  skipped: number;
  bad: BadLine[];
}

/**
 * Imports a batch of users. All batches of a file go through the same function, which finds addresses that occur twice.
 */
export type UserImport = (batch: readonly UserRecord[]) => Promise<ImportReport>;

/** The fields of a record; only the address is required. */
const IMPORT_FIELDS = [
  ...['email', 'username', 'displayName', 'passwordHash', 'role', 'status', 'emailVerified'],
  ...['createdAt', 'appMetadata'],
] as const;

/**
 * Imports users from elsewhere, with the hashes of their passwords. A user whose e-mail address already has an account
 * is left as they are, so that an interrupted import can be repeated with the same file. Each import goes on record.
 *
 * @param client the operator
 * @param options.dryRun find out what would happen, and change nothing
 */
export function createUserImport(
  deps: Deps,
  client: Client,
  options: { dryRun: boolean },
): UserImport {
  const seen = new Set<string>();
  return async (batch) => {
    const bad: BadLine[] = [];
    const users = batch.flatMap(({ line, record }) => {
      const problems: Problems = [];
      const user = readUser(deps, record, problems);
      if (problems.length === 0 && seen.has(identifierKey(user.email))) {
        problems.push({ path: 'email', message: 'An earlier line has the same address.' });
      }
      if (problems.length > 0) {
        bad.push({
          line,
          reason: problems.map(({ path, message }) => `${path}: ${message}`).join(' '),
        });
        return [];
      }
      seen.add(identifierKey(user.email));
      return [{ line, user }];
    });
    const outcomes = await insert(
      deps,
      client,
      users.map(({ user }) => user),
      options.dryRun,
    );
    const report: ImportReport = { imported: 0, skipped: 0, bad };
    for (const [index, { line }] of users.entries()) {
      const outcome = outcomes[index];
      if (outcome === 'ADDED') report.imported++;
      else if (outcome === 'EMAIL_THERE') report.skipped++;
      else bad.push({ line, reason: 'username: Another account has it.' });
    }
    bad.sort((one, other) => one.line - other.line);
    return report;
  };
}

/** Thrown to roll a transaction back; it carries what the transaction found out. */
class DryRun extends Error {
  readonly outcomes: Awaited<ReturnType<typeof insertAbsentUsers>>;

  constructor(outcomes: DryRun['outcomes']) {
    super('Nothing was changed.');
    this.outcomes = outcomes;
  }
}

async function insert(deps: Deps, client: Client, users: ImportedUser[], dryRun: boolean) {
  const now = deps.now();
  try {
    return await transaction(deps.db, async (tx: Db) => {
      const outcomes = await insertAbsentUsers(tx, users, now);
      if (dryRun) throw new DryRun(outcomes);
      const added = users.filter((_, index) => outcomes[index] === 'ADDED');
      const events = added.map(({ id: userId, role }) => {
        const detail = { role, imported: true };
        return { type: 'USER_CREATED', userId, actorId: null, client, now, detail } as const;
      });
      await recordEvents(tx, events);
      return outcomes;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.outcomes;
    throw error;
  }
}

function readUser(deps: Deps, record: Record<string, unknown>, problems: Problems): ImportedUser {
  checkFields(record, problems);
  const now = deps.now();
  const text = (name: (typeof IMPORT_FIELDS)[number]) => readString(record, name, problems);
  const createdAt = readPast(text('createdAt'), now, problems) ?? now;
  const isVerified = readFlag(record.emailVerified, problems);
  const passwordHash = text('passwordHash');
  const problem = passwordHash === null ? null : importProblem(passwordHash);
  if (problem !== null) problems.push({ path: 'passwordHash', message: `It ${problem}.` });
  return {
    // made from the time of creation, because users are listed in the order of their ids
    id: newId(createdAt),
    email: readEmail('email', text('email') ?? '', problems),
    emailVerifiedAt: isVerified ? createdAt : null,
    username: readUsername('username', text('username'), problems),
    displayName: readText('displayName', text('displayName'), 100, problems),
    phrase: deps.config.defaultPhrase,
    passwordHash,
    role: readOne<Role>('role', text('role'), ['USER', 'ADMIN'], problems),
    status: readOne<UserStatus>('status', text('status'), ['ACTIVE', 'DISABLED'], problems),
    appMetadata: readMetadata(record.appMetadata, problems),
    createdAt,
  };
}

/** An unknown field is probably misspelt. What does not look like a name is not repeated, because it may be a value. */
function checkFields(record: Record<string, unknown>, problems: Problems): void {
  const known: readonly string[] = IMPORT_FIELDS;
  for (const name of Object.keys(record)) {
    if (known.includes(name)) continue;
    const path = /^[A-Za-z]\w{0,30}$/.test(name) ? name : 'a field';
    problems.push({ path, message: `There is no such field; there are ${known.join(', ')}.` });
  }
}

function readString(
  record: Record<string, unknown>,
  name: (typeof IMPORT_FIELDS)[number],
  problems: Problems,
): string | null {
  const value = record[name];
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') return value;
  problems.push({ path: name, message: 'Give a string.' });
  return null;
}

function readOne<Choice extends string>(
  path: string,
  text: string | null,
  choices: readonly [Choice, ...Choice[]],
  problems: Problems,
): Choice {
  const chosen = choices.find((choice) => choice === text?.toUpperCase());
  if (text !== null && chosen === undefined) {
    problems.push({ path, message: `Give ${alternatives(choices)}.` });
  }
  return chosen ?? choices[0];
}

function readFlag(value: unknown, problems: Problems): boolean {
  const text = String(value ?? false).toLowerCase();
  if (!['true', 'false', '1', '0'].includes(text)) {
    problems.push({ path: 'emailVerified', message: 'Give true or false.' });
  }
  return text === 'true' || text === '1';
}

const INSTANT =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/;

/** ISO 8601, in UTC unless it says otherwise. */
function readPast(text: string | null, now: Date, problems: Problems): Date | null {
  if (text === null) return null;
  const [, date, time = '00:00', zone = 'Z'] = INSTANT.exec(text) ?? [];
  const instant = readInstant(`${date}T${time}${zone}`);
  if (instant === undefined || instant.getTime() < 0 || instant > now) {
    const message = 'Give a time since 1970 that has been, such as 2024-05-31T12:00:00Z.';
    problems.push({ path: 'createdAt', message });
    return null;
  }
  return instant;
}

/** An object, or its JSON text. */
function readMetadata(value: unknown, problems: Problems): Json {
  if (value === undefined || value === null || value === '') return {};
  const metadata = typeof value === 'string' ? parsed(value) : value;
  checkAppMetadata('appMetadata', metadata, problems);
  return metadata as Json;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
