import { median } from './figures.ts';
import type { LoadResult } from './load/workload.ts';
import { processorMs, type Server } from './server.ts';

/** What one measurement came to. */
export interface Sample {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time that the server used for each answer, in microseconds. */
  readonly processorUs: number;
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

const WARM_UP_SECONDS = 2;

/**
 * Measures the contenders in turn, round after round: what else the machine does then meets all of them alike.
 *
 * @param say takes a line for each round
 */
export async function race(
  contenders: readonly Contender[],
  options: { seconds: number; rounds: number },
  say: (line: string) => void,
): Promise<Record[]> {
  const records = contenders.map(({ name }) => ({ name, samples: [] as Sample[] }));
  say('warming up');
  for (const contender of contenders) {
    await contender.measure(Math.min(options.seconds, WARM_UP_SECONDS));
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      records[index]?.samples.push(await contender.measure(options.seconds));
    }
    const figures = records.map(({ name, samples }) => `${name} ${shown(samples.at(-1))}`);
    say(`round ${round} of ${options.rounds}: ${figures.join(' · ')}`);
  }
  return records;
}

function shown(sample: Sample | undefined): string {
  if (sample === undefined) return '';
  return `${sample.perSecond.toFixed(0)}/s, p99 ${sample.p99.toFixed(1)} ms`;
}

/** Puts a load on a server and notes what it cost the server. */
export async function sampleOf(server: Server, load: () => Promise<LoadResult>): Promise<Sample> {
  const before = processorMs(server.pid);
  const { answers, perSecond, latencyMs } = await load();
  const processorUs = ((processorMs(server.pid) - before) * 1000) / answers;
  return { perSecond, p50: latencyMs.p50, p99: latencyMs.p99, processorUs };
}

/** The median of a figure over the rounds. */
export function medianOf(record: Record, figure: keyof Sample): number {
  return median(record.samples.map((sample) => sample[figure]));
}

/** How a figure compares: the median, least and greatest of the rounds' own ratios. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** Compares two records round by round: within a round the machine was most alike. */
export function ratioOf(subject: Record, peer: Record, figure: keyof Sample): Ratio {
  const ratios = subject.samples.map((sample, round) => {
    return sample[figure] / (peer.samples[round]?.[figure] ?? Number.NaN);
  });
  return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}
