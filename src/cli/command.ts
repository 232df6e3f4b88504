import type { Services } from '../app.ts';

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
   * @returns the exit code: 0 done, 1 refused, 2 wrong usage
   */
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** What a command reads from and writes to. */
export interface Terminal {
  /** A line on standard output: what was asked for. */
  print(line: string): void;
  /** A line on standard error: what went wrong, or what is going on. */
  complain(line: string): void;
  /** A secret, typed without showing it, or the first line of standard input when that is no terminal. */
  readSecret(prompt: string): Promise<string>;
  /** Opens the database and everything on it, and closes it when `work` is over. */
  withServices<T>(work: (services: Services) => Promise<T>): Promise<T>;
}

/** The command line was wrong; the message says how, and `--help` says the rest. */
export class UsageError extends Error {
  override name = 'UsageError';
}
