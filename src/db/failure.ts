import { RequestError } from '../errors.ts';

/** What the driver and the server call their failures. */
interface DriverError {
  code?: string;
  errno?: number;
  sqlMessage?: string;
}

/**
 * What a failure says of the work that it ended.
 *
 * - `conflict`: the server undid it because of somebody else's. To run it again is safe and likely to succeed.
 * - `refused`: this server takes no work now, or no writes, and did nothing of it. Another may, or this one in a while.
 * - `lost`: the connection ended or fell silent. The server undoes what was not committed; of what was being committed
 *   nobody can tell.
 * - `final`: it would only fail again.
 */
export type Verdict = 'conflict' | 'refused' | 'lost' | 'final';

/** How far something had come when it failed; with `committing` and `writing` it may have been done. */
export type Stage = 'connecting' | 'reading' | 'writing' | 'transaction' | 'committing';

const SERVER_ERRORS: Readonly<Record<number, readonly [failureClass: string, verdict: Verdict]>> = {
  1062: ['duplicate-key', 'final'],
  1452: ['missing-parent', 'final'],
  // Galera tells so of a failed certification too, of a COMMIT and of a single statement
  1213: ['deadlock', 'conflict'],
  // Group Replication's certification refused the commit
  3101: ['deadlock', 'conflict'],
  // MariaDB's snapshot isolation saw a newer row
  1020: ['deadlock', 'conflict'],
  1205: ['lock-timeout', 'conflict'],
  // the server gave a statement up shortly before we would have; MariaDB may do so with a COMMIT
  3024: ['timeout', 'lost'],
  1969: ['timeout', 'lost'],
  // a replica, or a primary that is not it any more
  1290: ['read-only', 'refused'],
  1836: ['read-only', 'refused'],
  1792: ['read-only', 'refused'],
  // a member of a group that failed, was expelled or is leaving undoes what it cannot commit
  3100: ['not-ready', 'refused'],
  // one that hands being the primary over refuses all changes
  3098: ['not-ready', 'refused'],
  3796: ['not-ready', 'refused'],
  3797: ['not-ready', 'refused'],
  3799: ['not-ready', 'refused'],
  // a new primary that still applies what the one before had left
  3781: ['not-ready', 'refused'],
  3782: ['not-ready', 'refused'],
  3783: ['not-ready', 'refused'],
  // Galera: the node is not in the primary component, or still joins it
  1047: ['not-ready', 'refused'],
  // offline mode
  3032: ['not-ready', 'refused'],
  // how the two servers say that their disk is full; there may be room again, and not in a moment
  1021: ['disk-full', 'final'],
  1114: ['disk-full', 'final'],
  1040: ['too-many-connections', 'refused'],
  1203: ['too-many-connections', 'refused'],
  // the account's own limit, of connections or of so many an hour
  1226: ['too-many-connections', 'refused'],
  // until somebody flushes the host cache
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
  // a Galera node that fell out of its cluster during COMMIT; the others may have got it
  1180: ['connection', 'lost'],
  // committed here, and not known to be so elsewhere
  3798: ['connection', 'lost'],
};

/** The database is away, or not to be written to. Its cause is what the driver said. */
export class UnavailableError extends RequestError {
  override name = 'UnavailableError';
  /** Whether nothing was done, or all of it undone. */
  readonly mayRunAgain: boolean;

  constructor(cause: Error, stage: Stage) {
    const verdict = verdictOf(cause);
    const mayBeDone = verdict === 'lost' && (stage === 'committing' || stage === 'writing');
    // single statements that write only count, or may be repeated: what people ask for is done in transactions
    const isUnknown = mayBeDone && stage === 'committing';
    super(isUnknown ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE', { retryAfter: RETRY_AFTER, cause });
    this.mayRunAgain = !mayBeDone;
  }
}

const RETRY_AFTER = 2;

/** What a caller is told: that the database is away, where it is, and otherwise what the driver said. */
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

/** Whether the server, or the way to it, is what failed: the connection is of no use any more. */
export function isServerFailure(error: unknown): boolean {
  const verdict = verdictOf(error);
  return verdict === 'refused' || verdict === 'lost';
}

// the system's, such as ECONNRESET, and the driver's own
function isConnectionCode(errno: number, code: string): boolean {
  return errno < 0 || /^(E[A-Z]+|PROTOCOL_\w+)$/.test(code);
}

/** The driver's own error under Drizzle's wrapping, whose message holds the parameters and is never to be shown. */
export function driverError(error: unknown): DriverError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RequestError) continue;
    const found = cause as DriverError;
    if ('errno' in cause || 'sqlState' in cause) return found;
    // the driver has no code for a statement that came after the end of its connection
    if ('fatal' in cause) return { ...found, code: found.code ?? 'PROTOCOL_CONNECTION_LOST' };
    if ('code' in cause && isConnectionCode(0, String(cause.code))) return found;
  }
  return undefined;
}

/**
 * Whether a write failed because the row exists already.
 *
 * @param index the name of the unique index; without it any will do
 */
export function isDuplicateKey(error: unknown, index?: string): boolean {
  const cause = driverError(error);
  if (cause?.errno !== 1062) return false;
  // MySQL says "for key 'users.users_email_key_unique'", MariaDB leaves the table out
  // at its end: the value before it is what somebody typed
  return (
    index === undefined ||
    new RegExp(`for key '(?:\\w+\\.)?${index}'$`).test(cause.sqlMessage ?? '')
  );
}

/** Whether the work that ended so is undone, or never ran, and may succeed when it is run again. */
export function isRetryable(error: unknown): boolean {
  const away = unavailableIn(error);
  return away === undefined ? verdictOf(error) === 'conflict' : away.mayRunAgain;
}

/** That the database is away, under what Drizzle wrapped it in. */
export function unavailableIn(error: unknown): UnavailableError | undefined {
  if (error instanceof UnavailableError) return error;
  return error instanceof Error ? unavailableIn(error.cause) : undefined;
}

/** Whether the server refused a statement because its user has no right to it. */
export function isDenied(error: unknown): boolean {
  // a database, a table, a column, a procedure
  return [1044, 1142, 1143, 1370].includes(driverError(error)?.errno ?? 0);
}

/** What kind of failure it is, for figures: one of a few words, which tell nothing of what was asked. */
export function failureClass(error: Error): string {
  const { errno = 0, code = '' } = driverError(error) ?? {};
  const known = SERVER_ERRORS[errno];
  if (known !== undefined) return known[0];
  if (error instanceof RequestError && error.code === 'OVERLOADED') return 'pool-exhausted';
  if (code === 'ETIMEDOUT') return 'timeout';
  return isConnectionCode(errno, code) ? 'connection' : 'other';
}
