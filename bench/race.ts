import { median } from './figures.ts';
import type { LoadResult } from './load/workload.ts';
import { processorMs, type Server } from './server.ts';

/** The result of one measurement. What was not measured is missing. */
export interface Sample {
  readonly perSecond?: number;
  /** In milliseconds, as is `p99`. */
  readonly p50?: number;
  readonly p99?: number;
  /** The server's processor time for each answer, in microseconds. */
  readonly processorUs?: number;
  /** The peak memory of the server's process, in megabytes. */
  readonly peakMb?: number;
}

/** One of the servers or setups to compare. */
export interface Contender {
  readonly name: string;
  measure(seconds: number): Promise<Sample>;
}

/** The samples of a contender, one for each round. */
export interface Record {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** The time V8 needs to compile most of the hot code. */
const WARM_UP_SECONDS = 2;

/**
 * Measures the contenders in turn, round after round, so that other load on the machine affects all of them alike.
 *
 * @param options.warmUpSeconds a longer warm-up than usual; the warm-up does not count
 * @param say receives a line for each round
 */
export async function race(
  contenders: readonly Contender[],
  options: { seconds: number; rounds: number; warmUpSeconds?: number },
  say: (line: string) => void,
): Promise<Record[]> {
  const records = contenders.map(({ name }) => ({ name, samples: [] as Sample[] }));
  say('warming up');
  const warmUpSeconds = options.warmUpSeconds ?? Math.min(options.seconds, WARM_UP_SECONDS);
  for (const contender of contenders) await contender.measure(warmUpSeconds);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      records[index]?.samples.push(await contender.measure(options.seconds));
    }
    const figures = records.map(({ name, samples }) => `${name} ${shown(samples.at(-1))}`);
    say(`round ${round} of ${options.rounds}: ${figures.join(' · ')}`);
  }
  return records;
}

/** Formats a sample for a progress line. */
export function shown({ perSecond, p99, peakMb }: Sample = {}): string {
  return [
    ...(perSecond === undefined ? [] : [`${perSecond.toFixed(0)}/s`]),
    ...(p99 === undefined ? [] : [`p99 ${p99.toFixed(1)} ms`]),
    ...(peakMb === undefined ? [] : [`${peakMb.toFixed(0)} MB`]),
  ].join(', ');
}

/** Runs a load on servers that do the same work, and measures its cost. */
export async function sampleOf(
  servers: readonly Server[],
  load: () => Promise<LoadResult>,
): Promise<Sample> {
  const spentMs = () => sumOf(servers.map(({ pid }) => processorMs(pid)));
  const before = spentMs();
  const result = await load();
  const after = spentMs();
  const { answers, perSecond } = result;
  const isKnown = before !== undefined && after !== undefined && answers > 0;
  return {
    perSecond,
    ...latencyOf(result),
    ...(isKnown ? { processorUs: ((after - before) * 1000) / answers } : {}),
  };
}

/** The latencies of a load, if it had any answers. */
export function latencyOf({ answers, latencyMs }: LoadResult): Pick<Sample, 'p50' | 'p99'> {
  return answers === 0 ? {} : { p50: latencyMs.p50, p99: latencyMs.p99 };
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((sum, value) => {
    return sum === undefined || value === undefined ? undefined : sum + value;
  }, 0);
}

/** The median of a figure over all rounds; undefined if it was not measured. */
export function medianOf(record: Record, figure: keyof Sample): number | undefined {
  const values = record.samples.flatMap((sample) => sample[figure] ?? []);
  return values.length === 0 ? undefined : median(values);
}

/** How a figure compares: the median, minimum and maximum of the ratios within each round. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/**
 * Compares two records round by round, because conditions on the machine differ least within a round.
 *
 * @returns undefined if the figure was not measured
 */
export function ratioOf(subject: Record, peer: Record, figure: keyof Sample): Ratio | undefined {
  const ratios = subject.samples.flatMap((sample, round) => {
    const [ours, theirs] = [sample[figure], peer.samples[round]?.[figure]];
    // skip rounds in which the peer answered nothing
    return ours === undefined || theirs === undefined || theirs === 0 ? [] : [ours / theirs];
  });
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}
