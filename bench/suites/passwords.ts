import type { Workload } from '../load/workload.ts';
import { hashWorkload, loginWorkload, registerWorkload } from '../operations.ts';
import { race } from '../race.ts';
import type { Latchkey, Stage } from '../stage.ts';
import { flatOut, type Outcome, type Runner, type Suite, throughput } from './suite.ts';

/** Signing in: it costs a hash, and should cost little else. */
export const login: Suite = {
  name: 'login',
  run: (stage, runner) =>
    againstHashing(stage, runner, {
      name: 'login',
      workloadOf: (service) => loginWorkload(service),
      hashing: 'verify',
    }),
};

/** Registering: it costs a hash, and should cost little else. */
export const register: Suite = {
  name: 'register',
  run: (stage, runner) =>
    againstHashing(stage, runner, {
      name: 'register',
      workloadOf: registerWorkload,
      hashing: 'hash',
    }),
};

/** The least share of the endpoint's rate that only hashes. */
export const SHARE_OF_HASHING = 0.9;

async function againstHashing(
  stage: Stage,
  runner: Runner,
  suite: {
    name: string;
    workloadOf: (service: Latchkey) => Workload;
    hashing: 'hash' | 'verify';
  },
): Promise<Outcome> {
  const { service, baseline } = stage;
  const hash = await stage.peer('hash');
  const workload = hashWorkload(hash.url, suite.hashing);
  const serving = (name: string, server: Latchkey) =>
    flatOut(stage, { name, server, workload: suite.workloadOf(server) });
  const contenders = [
    serving('Latchkey', service),
    flatOut(stage, { name: 'only hashing', server: hash, workload }),
    ...(baseline ? [serving('baseline', baseline)] : []),
  ];
  const records = await race(contenders, runner, runner.say);
  const [latchkey, hashing, before] = records;
  const findings = [
    ...throughput(suite.name, latchkey, hashing, SHARE_OF_HASHING),
    ...throughput(suite.name, latchkey, before),
  ];
  return { records, findings };
}
