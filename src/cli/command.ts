import type { DatabaseConnection } from '../db/connection.ts';
import type { Services } from '../services.ts';
import type { Variables } from '../variables.ts';

/** One of the operator's commands. */
export interface Command {
  /** The name to type after `npm run cli --`. */
  readonly name: string;
  /** The line in the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /**
   * Runs the command.
   *
   * @param args the arguments after the name
   * @returns the exit code: 0 done, 1 refused or only partly done, 2 wrong usage
   */
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** The input and output of a command. */
export interface Terminal {
  /** Writes a line to standard output: the requested result. */
  print(line: string): void;
  /** Writes a line to standard error: a failure or a status message. */
  complain(line: string): void;
  /** Shows progress on one line that is overwritten, only if standard error is a terminal. `null` clears it. */
  progress(line: string | null): void;
  /** Reads a secret without echoing it, or the first line of standard input if that is not a terminal. */
  readSecret(prompt: string): Promise<string>;
  /** Asks a question; only a typed "yes" agrees. @returns `null` if standard input is not a terminal */
  confirm(question: string): Promise<boolean | null>;
  /** The process's environment, which overrides `.env`. */
  environment(): Variables;
  /** Opens the database and everything built on it, and closes it when `work` is done. */
  withServices<T>(work: (services: Services) => Promise<T>): Promise<T>;
  /** Tells how to reach the database without opening it; starts the embedded database if none is configured. */
  withConnections<T>(work: (reach: Reach) => Promise<T>): Promise<T>;
}

/** The connections to the database: the service's, and the one for migrations, which may be the same. */
export interface Reach {
  service: DatabaseConnection | undefined;
  migration: DatabaseConnection;
}

/** Wrong usage. The message says what is wrong, and the command's help is printed with it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What was asked for is refused, and nothing has been changed; the message says why, and what to do. */
export class RefusedError extends Error {
  override name = 'RefusedError';
}
