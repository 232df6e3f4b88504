/** What the driver and the server call their failures. */
interface DriverError {
  code?: string;
  errno?: number;
  sqlMessage?: string;
}

// 1213 deadlock (Galera reports a failed certification so too), 1205 lock wait timeout,
// 3101 group replication refused the commit, 1020 MariaDB's snapshot isolation saw a newer row
const RETRYABLE = new Set([1213, 1205, 3101, 1020]);

/** The driver's own error under Drizzle's wrapping, whose message holds the parameters and is never to be shown. */
export function driverError(error: unknown): DriverError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('errno' in cause || 'sqlState' in cause) return cause as DriverError;
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

/** Whether the server undid the whole transaction, so that running it again is safe and likely to succeed. */
export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(driverError(error)?.errno ?? 0);
}

/** Whether the server refused a statement because its user has no right to it. */
export function isDenied(error: unknown): boolean {
  // a table, a column, a procedure
  return [1142, 1143, 1370].includes(driverError(error)?.errno ?? 0);
}

const CLASSES: Readonly<Record<number, string>> = {
  1062: 'duplicate-key',
  1452: 'missing-parent',
  1213: 'deadlock',
  3101: 'deadlock',
  1020: 'deadlock',
  1205: 'lock-timeout',
  1290: 'read-only',
  1836: 'read-only',
  1792: 'read-only',
  1040: 'too-many-connections',
  1203: 'too-many-connections',
  1044: 'access-denied',
  1045: 'access-denied',
  1142: 'access-denied',
  1053: 'connection',
  1927: 'connection',
};

/** What kind of failure it is, for figures: one of a few words, which tell nothing of what was asked. */
export function failureClass(error: Error): string {
  const { errno = 0, code = '' } = error as DriverError;
  const known = CLASSES[errno];
  if (known !== undefined) return known;
  if (code === 'OVERLOADED') return 'pool-exhausted';
  if (code === 'ETIMEDOUT') return 'timeout';
  return errno < 0 || /^(E[A-Z]+|PROTOCOL_\w+)$/.test(code) ? 'connection' : 'other';
}
