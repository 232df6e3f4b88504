import { createTraffic } from '../load/traffic.ts';
import type { Workload } from '../load/workload.ts';
import { type Contender, medianOf, type Ratio, type Record, ratioOf, sampleOf } from '../race.ts';
import type { Server } from '../server.ts';
import type { Stage } from '../stage.ts';

/** A benchmark: what is measured against what. */
export interface Suite {
  readonly name: string;
  run(stage: Stage, runner: Runner): Promise<Outcome>;
}

/** How thoroughly to measure, and who hears of the progress. */
export interface Runner {
  readonly seconds: number;
  readonly rounds: number;
  say(line: string): void;
}

/** What a benchmark came to. */
export interface Outcome {
  readonly records: readonly Record[];
  readonly findings: readonly Finding[];
}

/** One line of the table: a figure, mostly beside another one. */
export interface Finding {
  readonly what: string;
  readonly unit: 'a second' | 'ms' | 'ms, p99' | 'ms, p95' | 'MB';
  readonly value: number;
  /** What it is compared with, and how. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly ratio?: Ratio;
  /** How the processor time for each answer compares. */
  readonly processor?: Ratio;
  /** One without a target is for information. */
  readonly target?: { readonly text: string; readonly isMet: boolean };
}

/** How many clients ask at once. */
export const CONNECTIONS = 16;

/** Servers, mostly one, that are asked by all connections as fast as they answer. */
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
 * Compares how many requests a second two contenders answered.
 *
 * @param least the least good ratio
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
