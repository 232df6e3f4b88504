import { createTraffic } from '../load/traffic.ts';
import type { Workload } from '../load/workload.ts';
import { type Contender, medianOf, type Ratio, type Record, ratioOf, sampleOf } from '../race.ts';
import type { Server } from '../server.ts';
import type { Stage } from '../stage.ts';

/** A benchmark. */
export interface Suite {
  readonly name: string;
  run(stage: Stage, runner: Runner): Promise<Outcome>;
}

/** How thoroughly to measure, and where to report progress. */
export interface Runner {
  readonly seconds: number;
  readonly rounds: number;
  say(line: string): void;
}

/** The outcome of a benchmark. */
export interface Outcome {
  readonly records: readonly Record[];
  readonly findings: readonly Finding[];
}

/** One line of the table: a figure, usually with another to compare. */
export interface Finding {
  readonly what: string;
  readonly unit: 'a second' | 'ms' | 'ms, p99' | 'ms, p95' | 'MB';
  readonly value: number;
  /** What the figure is compared with. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly ratio?: Ratio;
  /** The ratio of processor time for each answer. */
  readonly processor?: Ratio;
  /** Without a target, the figure is only for information. */
  readonly target?: { readonly text: string; readonly isMet: boolean };
}

/** The number of concurrent connections. */
export const CONNECTIONS = 16;

/** A contender that sends requests to its servers, usually one, as fast as they answer. */
export function flatOut(
  stage: Stage,
  asked: {
    name: string;
    servers: readonly Server[];
    workload: Workload;
    tokens?: readonly string[];
    connections?: number;
  },
): Contender {
  const { name, servers, workload, tokens, connections = CONNECTIONS } = asked;
  const traffic = createTraffic(workload, {
    connections,
    ...(tokens === undefined ? {} : { tokens }),
  });
  const [client] = stage.clients;
  return {
    name,
    measure: (seconds) => sampleOf(servers, () => traffic.run(client, seconds)),
  };
}

/**
 * Compares the requests a second of two contenders.
 *
 * @param least the smallest ratio that meets the target
 */
export function throughput(
  what: string,
  subject: Record | undefined,
  peer: Record | undefined,
  least?: number,
): Finding[] {
  if (subject === undefined || peer === undefined) return [];
  const value = medianOf(subject, 'perSecond');
  const theirs = medianOf(peer, 'perSecond');
  const ratio = ratioOf(subject, peer, 'perSecond');
  if (value === undefined || theirs === undefined || ratio === undefined) return [];
  const processor = ratioOf(subject, peer, 'processorUs');
  return [
    {
      what,
      unit: 'a second',
      value,
      peer: { name: peer.name, value: theirs },
      ratio,
      ...(processor === undefined ? {} : { processor }),
      ...(least === undefined
        ? {}
        : { target: { text: `at least ${least}`, isMet: ratio.median >= least } }),
    },
  ];
}
