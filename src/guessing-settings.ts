import type { Environment } from './environment.ts';

const MINUTE_MS = 60_000;

/** The settings that protect accounts from guessing. */
export interface GuessingSettings {
  readonly password: {
    readonly minLength: number;
    readonly memoryKib: number;
    readonly passes: number;
    readonly parallelism: number;
  };
  readonly hashing: { readonly concurrency: number; readonly queue: number };
  readonly attempts: { readonly limit: number; readonly windowMs: number };
  readonly rateLimit: {
    readonly enabled: boolean;
    /** Keyed by the names in rate-limits.ts. */
    readonly overrides: Readonly<Record<string, { max: number; windowMs: number }>>;
    /** How many counting windows are kept at most; beyond that, those that end first are dropped. */
    readonly rows: number;
  };
}

/** Reads them from the validated variables, in the units the service uses. */
export function guessingSettings(variables: Environment): GuessingSettings {
  return {
    password: {
      minLength: variables.PASSWORD_MIN_LENGTH,
      memoryKib: variables.ARGON2_MEMORY,
      passes: variables.ARGON2_PASSES,
      parallelism: variables.ARGON2_PARALLELISM,
    },
    hashing: { concurrency: variables.HASH_CONCURRENCY, queue: variables.HASH_QUEUE },
    attempts: {
      limit: variables.LOGIN_ATTEMPT_LIMIT,
      windowMs: variables.LOGIN_ATTEMPT_WINDOW * MINUTE_MS,
    },
    rateLimit: {
      enabled: variables.RATE_LIMIT === 'on',
      overrides: variables.RATE_LIMITS,
      rows: variables.RATE_LIMIT_ROWS,
    },
  };
}
