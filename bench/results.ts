import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Outcome } from './suites/suite.ts';

/** The file that the README's table is made from. */
export const RESULTS = 'bench/results.json';

/** How and on what a benchmark was run. */
export interface Circumstances {
  /** When it ended. */
  readonly at: string;
  readonly commit: string | null;
  readonly node: string;
  readonly processors: number;
  readonly model: string | null;
  /** What the machine was busy with before it began: the load average of the last minute. */
  readonly load: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly crowd: number;
}

/** The newest outcome of each benchmark, by its name; they may be of different runs. */
export interface Results {
  readonly [name: string]: Circumstances & Outcome;
}

/** The results that a file holds; none where there is no file yet. */
export function readResults(file: string): Results {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/**
 * Puts an outcome into a file in the place of the older one of the same name, and leaves those of other names there.
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

/** More digits than these were not measured. */
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
