import { createTraffic, type Traffic } from '../load/traffic.ts';
import { hashWorkload, loginWorkload, meWorkload, signIn } from '../operations.ts';
import {
  type Contender,
  latencyOf,
  medianOf,
  type Record,
  race,
  ratioOf,
  type Sample,
} from '../race.ts';
import type { Server } from '../server.ts';
import type { Stage } from '../stage.ts';
import { SHARE_OF_HASHING } from './passwords.ts';
import { CONNECTIONS, type Finding, type Suite, throughput } from './suite.ts';

/**
 * Whether signed-in users notice a flood of sign-ins. In each contender's samples, the latencies are those of `me` at a
 * steady rate, and the answers a second are those of the flood.
 */
export const flood: Suite = {
  name: 'flood',
  async run(stage, runner) {
    const visitors = await steadyVisitors(stage);
    const { service } = stage;
    const hash = await stage.peer('hash');
    const reference = await stage.peer('node-argon2');
    const everybody = createTraffic(loginWorkload(service), { connections: FLOODERS });
    const somebody = createTraffic(loginWorkload(service, 0), { connections: FLOODERS });
    const onlyHashing = (name: string, server: Server): Contender => {
      const flooders = createTraffic(hashWorkload(server.url, 'verify'), { connections: FLOODERS });
      return { name, measure: (seconds) => underFlood(stage, seconds, undefined, flooders) };
    };
    const contenders: Contender[] = [
      { name: 'idle', measure: (seconds) => underFlood(stage, seconds, visitors) },
      {
        name: 'many accounts',
        measure: (seconds) => underFlood(stage, seconds, visitors, everybody),
      },
      { name: 'one account', measure: (seconds) => underFlood(stage, seconds, visitors, somebody) },
      onlyHashing('only hashing', hash),
      onlyHashing('only node-argon2', reference),
    ];
    const seconds = runner.seconds * LONGER;
    const records = await race(contenders, { seconds, rounds: runner.rounds }, runner.say);
    const [idle, many, one, only, onlyReference] = records;
    const findings = [
      ...latency('me during logins to many accounts', many, idle),
      ...latency('me during logins to one account', one, idle),
      ...throughput('logins to many accounts', many, only, SHARE_OF_HASHING),
      ...throughput('logins to many accounts', many, onlyReference),
      ...throughput('logins to one account', one, only),
    ];
    return { records, findings };
  },
};

const FLOODERS = 32;
const VISITS_PER_SECOND = 50;
// at fifty requests a second, a 99th percentile needs longer measurements
const LONGER = 2;
const MOST_TIMES_IDLE = 3;
const ALWAYS_FAST_ENOUGH_MS = 25;

async function steadyVisitors(stage: Stage): Promise<Traffic> {
  const accounts = await signIn(stage.service, CONNECTIONS);
  return createTraffic(meWorkload(stage.service.url), {
    connections: CONNECTIONS,
    tokens: accounts.map(({ accessToken }) => accessToken),
    rate: VISITS_PER_SECOND,
  });
}

async function underFlood(
  { clients: [first, second] }: Stage,
  seconds: number,
  visitors: Traffic | undefined,
  flooders?: Traffic,
): Promise<Sample> {
  const [visits, floods] = await Promise.all([
    visitors?.run(first, seconds),
    flooders?.run(second, seconds),
  ]);
  return {
    ...(floods === undefined ? {} : { perSecond: floods.perSecond }),
    ...(visits === undefined ? {} : latencyOf(visits)),
  };
}

function latency(what: string, flooded: Record | undefined, idle: Record | undefined): Finding[] {
  if (flooded === undefined || idle === undefined) return [];
  const before = medianOf(idle, 'p99');
  const during = medianOf(flooded, 'p99');
  const ratio = ratioOf(flooded, idle, 'p99');
  if (before === undefined || during === undefined || ratio === undefined) return [];
  return [
    {
      what,
      unit: 'ms, p99',
      value: during,
      peer: { name: 'idle', value: before },
      ratio,
      target: {
        text: `at most ${MOST_TIMES_IDLE}, or ${ALWAYS_FAST_ENOUGH_MS} ms`,
        isMet: during <= Math.max(MOST_TIMES_IDLE * before, ALWAYS_FAST_ENOUGH_MS),
      },
    },
  ];
}
