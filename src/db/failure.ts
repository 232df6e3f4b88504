import { RequestError } from '../errors.ts';

/** The fields of errors from the driver and the server. */
interface DriverError {
  code?: string;
  errno?: number;
  sqlMessage?: string;
}

/**
 * What a failure says about the work that it ended.
 *
 * - `conflict`: the server rolled it back because of concurrent work. Running it again is safe and likely to succeed.
 * - `refused`: this server takes no work at the moment, or no writes, and has done nothing. Another server may take it,
 *   or this one later.
 * - `lost`: the connection ended or fell silent. The server rolls back what was not committed; if a commit was under
 *   way, its outcome is unknown.
 * - `final`: it would only fail again.
 */
export type Verdict = 'conflict' | 'refused' | 'lost' | 'final';

/** How far the work had got when it failed. With `committing` and `writing` it may have taken effect. */
export type Stage = 'connecting' | 'reading' | 'writing' | 'transaction' | 'committing';

const SERVER_ERRORS: Readonly<Record<number, readonly [failureClass: string, verdict: Verdict]>> = {
  1062: ['duplicate-key', 'final'],
  1452: ['missing-parent', 'final'],
  // Galera also reports a failed certification this way, of a COMMIT and of a single statement
  1213: ['deadlock', 'conflict'],
  // Group Replication's certification refused the commit
  3101: ['deadlock', 'conflict'],
  // MariaDB's snapshot isolation saw a newer row
  1020: ['deadlock', 'conflict'],
  1205: ['lock-timeout', 'conflict'],
  // the server aborted a statement shortly before we would have; MariaDB may do so during COMMIT
  3024: ['timeout', 'lost'],
  1969: ['timeout', 'lost'],
  // somebody killed the statement, but not its connection; if it was a COMMIT, its outcome is unknown
  1317: ['interrupted', 'lost'],
  // a replica, or a former primary
  1290: ['read-only', 'refused'],
  1836: ['read-only', 'refused'],
  1792: ['read-only', 'refused'],
  // a group member that failed, was expelled or is leaving; it rolls back what it cannot commit
  3100: ['not-ready', 'refused'],
  // a member that hands over the primary role refuses all changes
  3098: ['not-ready', 'refused'],
  3796: ['not-ready', 'refused'],
  3797: ['not-ready', 'refused'],
  3799: ['not-ready', 'refused'],
  // a new primary that still applies the backlog of the previous one
  3781: ['not-ready', 'refused'],
  3782: ['not-ready', 'refused'],
  3783: ['not-ready', 'refused'],
  // Galera: the node is not in the primary component, or is still joining it
  1047: ['not-ready', 'refused'],
  // offline mode
  3032: ['not-ready', 'refused'],
  // the two servers' errors for a full disk; space may be freed, but not within the time of a retry
  1021: ['disk-full', 'final'],
  1114: ['disk-full', 'final'],
  1040: ['too-many-connections', 'refused'],
  1203: ['too-many-connections', 'refused'],
  // the account's own limit, on connections at a time or per hour
  1226: ['too-many-connections', 'refused'],
  // the host is blocked until somebody flushes the host cache
  1129: ['access-denied', 'refused'],
  1044: ['access-denied', 'final'],
  1045: ['access-denied', 'final'],
  1142: ['access-denied', 'final'],
  // shutting down, killed, or idle for too long
  1053: ['connection', 'lost'],
  1927: ['connection', 'lost'],
  3169: ['connection', 'lost'],
  4031: ['connection', 'lost'],
  2006: ['connection', 'lost'],
  2013: ['connection', 'lost'],
  1158: ['connection', 'lost'],
  1159: ['connection', 'lost'],
  1160: ['connection', 'lost'],
  1161: ['connection', 'lost'],
  // Galera: the node dropped out of its cluster during COMMIT; the other nodes may have received the transaction
  1180: ['connection', 'lost'],
  // committed here, but not known to be committed elsewhere
  3798: ['connection', 'lost'],
};

/** The database is unreachable, or does not take writes. `cause` is the driver's error. */
export class UnavailableError extends RequestError {
  override name = 'UnavailableError';
  /** Whether the work certainly has no effect, because it never ran or was rolled back. */
  readonly mayRunAgain: boolean;

  constructor(cause: Error, stage: Stage) {
    const verdict = verdictOf(cause);
    const mayBeDone = verdict === 'lost' && (stage === 'committing' || stage === 'writing');
    // Outside of transactions, single writes only count something or are safe to repeat. What people ask for is done in
    // transactions, so only a lost COMMIT has an outcome that matters.
    const isUnknown = mayBeDone && stage === 'committing';
    super(isUnknown ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE', { retryAfter: RETRY_AFTER, cause });
    this.mayRunAgain = !mayBeDone;
  }
}

const RETRY_AFTER = 2;

/**
 * The error for the caller: an UnavailableError when the database is unreachable or takes no writes, otherwise the
 * driver's error.
 */
export function failureAt(stage: Stage, error: Error): Error {
  const verdict = verdictOf(error);
  return verdict === 'refused' || verdict === 'lost' ? new UnavailableError(error, stage) : error;
}

export function verdictOf(error: unknown): Verdict {
  const { errno = 0, code = '' } = driverError(error) ?? {};
  const known = SERVER_ERRORS[errno];
  if (known !== undefined) return known[1];
  return isConnectionCode(errno, code) ? 'lost' : 'final';
}

/** Whether the server or the network failed, so that the connection is of no further use. */
export function isServerFailure(error: unknown): boolean {
  const verdict = verdictOf(error);
  return verdict === 'refused' || verdict === 'lost';
}

// codes of the operating system, such as ECONNRESET, and of the driver
function isConnectionCode(errno: number, code: string): boolean {
  return errno < 0 || /^(E[A-Z]+|PROTOCOL_\w+)$/.test(code);
}

/**
 * The driver's error inside Drizzle's wrapper. The wrapper's message contains the parameters and must never be shown.
 */
export function driverError(error: unknown): DriverError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RequestError) continue;
    const found = cause as DriverError;
    if ('errno' in cause || 'sqlState' in cause) return found;
    // the driver sets no code when a statement comes after the end of its connection
    if ('fatal' in cause) return { ...found, code: found.code ?? 'PROTOCOL_CONNECTION_LOST' };
    if ('code' in cause && isConnectionCode(0, String(cause.code))) return found;
  }
  return undefined;
}

/**
 * Whether a write failed because the row exists already.
 *
 * @param index the name of the unique index; any index if left out
 */
export function isDuplicateKey(error: unknown, index?: string): boolean {
  const cause = driverError(error);
  if (cause?.errno !== 1062) return false;
  // MySQL says "for key 'users.users_email_key_unique'", MariaDB leaves out the table. Match only at the end of the
  // message: the value before it is user input.
  return (
    index === undefined ||
    new RegExp(`for key '(?:\\w+\\.)?${index}'$`).test(cause.sqlMessage ?? '')
  );
}

/** Whether the failed work was rolled back or never ran, and may succeed when run again. */
export function isRetryable(error: unknown): boolean {
  const away = unavailableIn(error);
  return away === undefined ? verdictOf(error) === 'conflict' : away.mayRunAgain;
}

/** The UnavailableError inside Drizzle's wrapper, if there is one. */
export function unavailableIn(error: unknown): UnavailableError | undefined {
  if (error instanceof UnavailableError) return error;
  return error instanceof Error ? unavailableIn(error.cause) : undefined;
}

/** Whether the server refused a statement because its user has no right to it. */
export function isDenied(error: unknown): boolean {
  // denied on a database, a table, a column or a procedure
  return [1044, 1142, 1143, 1370].includes(driverError(error)?.errno ?? 0);
}

/** The kind of failure, for metrics: one of a few words, which reveal nothing about the statement. */
export function failureClass(error: Error): string {
  const { errno = 0, code = '' } = driverError(error) ?? {};
  const known = SERVER_ERRORS[errno];
  if (known !== undefined) return known[0];
  if (error instanceof RequestError && error.code === 'OVERLOADED') return 'pool-exhausted';
  if (code === 'ETIMEDOUT') return 'timeout';
  return isConnectionCode(errno, code) ? 'connection' : 'other';
}
