import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RESULTS } from './results.ts';

/** What the command line may choose. */
export interface Options {
  /** The names of the benchmarks to run. */
  readonly only: readonly string[];
  /** How long one measurement takes. */
  readonly seconds: number;
  readonly rounds: number;
  /** How many accounts are many. */
  readonly crowd: number;
  /** A folder to keep the database in, and the crowd with it, for the next run. */
  readonly keep: string | undefined;
  /** Where the results go, if anywhere: without a file being named, those of a run as it is meant go into the project's. */
  readonly json: string | undefined;
  /** The service: the compiled `main.js`. */
  readonly service: string;
  /** Another build of it to run beside, to see what a change did. */
  readonly baseline: string | undefined;
}

/** Something is wrong with the command line; the message says what. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Reads the command line.
 *
 * @param names the benchmarks that there are
 * @throws {UsageError}
 */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const values = parse(args);
  const only = values.only?.split(',').map((name) => name.trim()) ?? names;
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`There is no benchmark "${unknown[0]}"; there are ${names.join(', ')}.`);
  }
  return {
    only,
    seconds: positive('seconds', values.seconds, 3),
    rounds: Math.ceil(positive('rounds', values.rounds, 5)),
    crowd: Math.ceil(positive('crowd', values.crowd, 1_000_000)),
    keep: values.keep === undefined ? undefined : resolve(values.keep),
    json: jsonFile(values),
    service: resolve(values.service ?? 'dist/main.js'),
    baseline: values.baseline === undefined ? undefined : resolve(values.baseline),
  };
}

/** Figures of a shortened run, or beside another build, are not what the README is to show. */
function jsonFile({ json, ...others }: ReturnType<typeof parse>): string | undefined {
  const { seconds, rounds, crowd, service, baseline } = others;
  const isAsMeant = [seconds, rounds, crowd, service, baseline].every((it) => it === undefined);
  const file = json ?? (isAsMeant ? RESULTS : undefined);
  return file === undefined ? undefined : resolve(file);
}

function parse(args: readonly string[]) {
  const option = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: option,
        seconds: option,
        rounds: option,
        crowd: option,
        keep: option,
        json: option,
        service: option,
        baseline: option,
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(name: string, text: string | undefined, standard: number): number {
  const value = text === undefined ? standard : Number(text);
  if (!(value > 0)) throw new UsageError(`--${name} takes a number above 0.`);
  return value;
}
