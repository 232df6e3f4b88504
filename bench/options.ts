import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RESULTS } from './results.ts';

/** The options of the command line. */
export interface Options {
  /** The names of the benchmarks to run. */
  readonly only: readonly string[];
  /** The length of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  /** The number of accounts in the large crowd. */
  readonly crowd: number;
  /** A folder that keeps the database, with its crowd, for the next run. */
  readonly keep: string | undefined;
  /** The file for the results, if any. By default, a run with the default settings updates the project's own file. */
  readonly json: string | undefined;
  /** The compiled `main.js` of the service. */
  readonly service: string;
  /** The `main.js` of another build to compare with, to see the effect of a change. */
  readonly baseline: string | undefined;
}

/** The command line is invalid; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Reads the command line.
 *
 * @param names all benchmarks
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

/** The project's file feeds the README, which must not show figures of a shortened run or of a comparison of builds. */
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
