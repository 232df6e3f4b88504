import { driverError } from './failure.ts';

// access denied to the database, to the table, or for lack of a privilege
const NO_RIGHTS = new Set([1044, 1142, 1227]);

/** Why a migration was not applied. With `FAILED` and `RIGHTS`, the server's own error is the cause. */
export type MigrationFailure = 'CHANGED' | 'RIGHTS' | 'LOCKED' | 'CHARSET' | 'FAILED';

/** The database could not be brought to this version's state. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code: MigrationFailure;

  constructor(code: MigrationFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Wraps an error with what was being done, and with what the operator can do about it. */
export function explained(error: unknown, what: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const cause = driverError(error);
  const detail = cause?.sqlMessage ?? (error instanceof Error ? error.message : String(error));
  if (NO_RIGHTS.has(cause?.errno ?? 0)) {
    return new MigrationError(
      'RIGHTS',
      `${what}, and the user it is reached as has no right to do it. Run \`npm run cli -- migrate\` with ` +
        `MIGRATION_DATABASE_URL set to a user who may change tables, and start again. (${detail})`,
      { cause: error },
    );
  }
  return new MigrationError('FAILED', `${what}: ${detail}`, { cause: error });
}
