import type { PopulatedLatchkey } from '../latchkey.ts';
import type { Workload } from '../load/workload.ts';
import {
  betterAuthLoginWorkload,
  hashWorkload,
  loginWorkload,
  registerWorkload,
} from '../operations.ts';
import { type Contender, race } from '../race.ts';
import type { Server } from '../server.ts';
import type { Stage } from '../stage.ts';
import { flatOut, type Outcome, type Runner, type Suite, throughput } from './suite.ts';

/** Sign-ins: each costs a hash and should cost little else. */
export const login: Suite = {
  name: 'login',
  async run(stage, runner) {
    const server = await stage.peer('better-auth');
    const workload = betterAuthLoginWorkload(server.url, stage.service.population.accounts);
    return againstHashing(stage, runner, {
      name: 'login',
      workloadOf: (service) => loginWorkload(service),
      hashing: 'verify',
      peer: flatOut(stage, { name: 'better-auth', servers: [server], workload }),
    });
  },
};

/** Registrations: each costs a hash and should cost little else. */
export const register: Suite = {
  name: 'register',
  run: (stage, runner) =>
    againstHashing(stage, runner, {
      name: 'register',
      workloadOf: registerWorkload,
      hashing: 'hash',
    }),
};

/** The minimum rate, as a share of the rate of the endpoint that only hashes. */
export const SHARE_OF_HASHING = 0.9;

async function againstHashing(
  stage: Stage,
  runner: Runner,
  suite: {
    name: string;
    workloadOf: (service: PopulatedLatchkey) => Workload;
    hashing: 'hash' | 'verify';
    peer?: Contender;
  },
): Promise<Outcome> {
  const { service, baseline } = stage;
  const hash = await stage.peer('hash');
  const reference = await stage.peer('node-argon2');
  const onlyHashing = (name: string, server: Server) =>
    flatOut(stage, { name, servers: [server], workload: hashWorkload(server.url, suite.hashing) });
  const serving = (name: string, server: PopulatedLatchkey) =>
    flatOut(stage, { name, servers: [server], workload: suite.workloadOf(server) });
  const contenders = [
    serving('Latchkey', service),
    onlyHashing('only hashing', hash),
    onlyHashing('only node-argon2', reference),
    ...(suite.peer ? [suite.peer] : []),
    ...(baseline ? [serving('baseline', baseline)] : []),
  ];
  const records = await race(contenders, runner, runner.say);
  const [latchkey, hashing, ...others] = records;
  const findings = [
    ...throughput(suite.name, latchkey, hashing, SHARE_OF_HASHING),
    ...others.flatMap((other) => throughput(suite.name, latchkey, other)),
  ];
  return { records, findings };
}
