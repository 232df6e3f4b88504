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

/** One comparison, as the table shows it. */
export interface Finding {
  readonly what: string;
  readonly unit: 'a second' | 'ms, p99' | 'ms, p95';
  readonly subject: { readonly name: string; readonly value: number };
  readonly peer: { readonly name: string; readonly value: number };
  readonly ratio: Ratio;
  /** In words; a comparison without one is for information. */
  readonly target: string | undefined;
  readonly isMet: boolean;
}

/** How many clients ask at once. */
export const CONNECTIONS = 16;

/** A server that is asked by all connections, as fast as it answers. */
export function flatOut(
  stage: Stage,
  asked: {
    name: string;
    server: Server;
    workload: Workload;
    tokens?: readonly string[];
  },
): Contender {
  const { name, server, workload, tokens } = asked;
  const traffic = createTraffic(workload, {
    connections: CONNECTIONS,
    ...(tokens === undefined ? {} : { tokens }),
  });
  const [client] = stage.clients;
  return {
    name,
    measure: (seconds) => sampleOf(server, () => traffic.run(client, seconds)),
  };
}

/**
 * Compares how many requests a second two contenders answered.
 *
 * @param target the least good ratio
 */
export function throughput(
  what: string,
  subject: Record | undefined,
  peer: Record | undefined,
  target?: number,
): Finding[] {
  if (subject === undefined || peer === undefined) return [];
  const ratio = ratioOf(subject, peer, 'perSecond');
  return [
    {
      what,
      unit: 'a second',
      subject: { name: subject.name, value: medianOf(subject, 'perSecond') },
      peer: { name: peer.name, value: medianOf(peer, 'perSecond') },
      ratio,
      target: target === undefined ? undefined : `at least ${target}`,
      isMet: target === undefined || ratio.median >= target,
    },
  ];
}
