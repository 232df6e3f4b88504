import { median } from './figures.ts';
import type { LoadResult } from './load/workload.ts';
import { processorMs, type Server } from './server.ts';

/** What one measurement came to, as far as it was measured. */
export interface Sample {
  readonly perSecond?: number;
  /** In milliseconds, as is `p99`. */
  readonly p50?: number;
  readonly p99?: number;
  /** Processor time that the server used for each answer, in microseconds. */
  readonly processorUs?: number;
  /** The most memory that the server's process held, in megabytes. */
  readonly peakMb?: number;
}

/** One of those that are compared. */
export interface Contender {
  readonly name: string;
  measure(seconds: number): Promise<Sample>;
}

/** The samples of a contender, one for each round. */
export interface Record {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Until then much of what is fast later is not compiled. */
const WARM_UP_SECONDS = 2;

/**
 * Measures the contenders in turn, round after round: what else the machine does then meets all of them alike.
 *
 * @param options.warmUpSeconds what comes first and does not count, where it is to be longer than usual
 * @param say takes a line for each round
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

/** A sample for the line that tells of the progress. */
export function shown({ perSecond, p99, peakMb }: Sample = {}): string {
  return [
    ...(perSecond === undefined ? [] : [`${perSecond.toFixed(0)}/s`]),
    ...(p99 === undefined ? [] : [`p99 ${p99.toFixed(1)} ms`]),
    ...(peakMb === undefined ? [] : [`${peakMb.toFixed(0)} MB`]),
  ].join(', ');
}

/** Puts a load on servers that do the same work, and notes what it cost them. */
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

/** How long the answers took, if there were any. */
export function latencyOf({ answers, latencyMs }: LoadResult): Pick<Sample, 'p50' | 'p99'> {
  return answers === 0 ? {} : { p50: latencyMs.p50, p99: latencyMs.p99 };
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((sum, value) => {
    return sum === undefined || value === undefined ? undefined : sum + value;
  }, 0);
}

/** The median of a figure over the rounds; undefined where it was not measured. */
export function medianOf(record: Record, figure: keyof Sample): number | undefined {
  const values = record.samples.flatMap((sample) => sample[figure] ?? []);
  return values.length === 0 ? undefined : median(values);
}

/** How a figure compares: the median, least and greatest of the rounds' own ratios. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/**
 * Compares two records round by round: within a round the machine was most alike.
 *
 * @returns undefined where the figure was not measured
 */
export function ratioOf(subject: Record, peer: Record, figure: keyof Sample): Ratio | undefined {
  const ratios = subject.samples.flatMap((sample, round) => {
    const [ours, theirs] = [sample[figure], peer.samples[round]?.[figure]];
    // a peer that answered nothing in a round is no measure
    return ours === undefined || theirs === undefined || theirs === 0 ? [] : [ours / theirs];
  });
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}
