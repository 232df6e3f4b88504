import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Outcome } from './suites/suite.ts';

/** The file behind the README's tables. */
export const RESULTS = 'bench/results.json';

/** The settings and the machine of a run. */
export interface Circumstances {
  /** When the benchmark ended. */
  readonly at: string;
  readonly commit: string | null;
  readonly node: string;
  readonly processors: number;
  readonly model: string | null;
  /** How busy the machine was before the run: the load average over one minute. */
  readonly load: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly crowd: number;
}

/** The newest outcome of each benchmark, by name. Outcomes may come from different runs. */
export interface Results {
  readonly [name: string]: Circumstances & Outcome;
}

/** Reads the results in a file; none if it does not exist yet. */
export function readResults(file: string): Results {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/**
 * Writes an outcome into a file. It replaces the older outcome of the same name and leaves the others.
 *
 * @param names all benchmarks, in the order of the file
 */
export function writeOutcome(
  file: string,
  names: readonly string[],
  name: string,
  outcome: Circumstances & Outcome,
): void {
  const all: Results = { ...readResults(file), [name]: outcome };
  const sorted = names.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]]));
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(sorted), shortened, 2)}\n`);
}

/** Rounds numbers to the precision of the measurements. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

/** The circumstances of a benchmark that has just ended. */
export function circumstances(
  settings: Pick<Circumstances, 'load' | 'seconds' | 'rounds' | 'crowd'>,
): Circumstances {
  const processors = cpus();
  return {
    at: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    processors: processors.length,
    model: processors[0]?.model ?? null,
    load: settings.load,
    seconds: settings.seconds,
    rounds: settings.rounds,
    crowd: settings.crowd,
  };
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
