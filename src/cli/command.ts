import type { DatabaseConnection } from '../db/connection.ts';
import type { Services } from '../services.ts';
import type { Variables } from '../variables.ts';

/** One of the operator's commands. */
export interface Command {
  /** What is typed after `npm run cli --`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /**
   * @param args what was typed after the name
   * @returns the exit code: 0 done, 1 refused or not all of it done, 2 wrong usage
   */
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** What a command reads from and writes to. */
export interface Terminal {
  /** A line on standard output: what was asked for. */
  print(line: string): void;
  /** A line on standard error: what went wrong, or what is going on. */
  complain(line: string): void;
  /** Shows how far the work is, on one line that is written over; only where somebody looks. `null` takes it away. */
  progress(line: string | null): void;
  /** A secret, typed without showing it, or the first line of standard input when that is no terminal. */
  readSecret(prompt: string): Promise<string>;
  /** Asks a question that only a typed "yes" agrees to. @returns `null` where nobody can be asked */
  confirm(question: string): Promise<boolean | null>;
  /** The process's environment, with `.env` beneath it. */
  environment(): Variables;
  /** Opens the database and everything on it, and closes it when `work` is over. */
  withServices<T>(work: (services: Services) => Promise<T>): Promise<T>;
  /** Brings up the database of our own where none is configured, and says how to reach it, without opening anything. */
  withConnections<T>(work: (reach: Reach) => Promise<T>): Promise<T>;
}

/** How the database is reached: as the service, and as who changes tables, which may be the same. */
export interface Reach {
  service: DatabaseConnection | undefined;
  migration: DatabaseConnection;
}

/** The command line was wrong; the message says how, and `--help` says the rest. */
export class UsageError extends Error {
  override name = 'UsageError';
}
