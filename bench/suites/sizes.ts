import type { CrowdedLatchkey } from '../latchkey.ts';
import type { Workload } from '../load/workload.ts';
import {
  asAccount,
  crowdLoginWorkload,
  meWorkload,
  refreshWorkload,
  signInCrowd,
  type Tokens,
} from '../operations.ts';
import { race } from '../race.ts';
import type { Stage } from '../stage.ts';
import { administratorOf, firstUsers } from './admin.ts';
import { CONNECTIONS, flatOut, type Outcome, type Suite, throughput } from './suite.ts';

/** A million accounts with their sessions against a thousand: requests cost the same. */
export const sizes: Suite = {
  name: 'sizes',
  async run(stage, runner) {
    const few = await prepared(await stage.crowded(FEW));
    const many = await prepared(await stage.crowded(stage.crowdSize));
    const records: Outcome['records'][number][] = [];
    const findings: Outcome['findings'][number][] = [];
    for (const [what, workloadOf] of Object.entries(WORKLOADS)) {
      const contenders = [many, few].map((side) => contenderOf(stage, what, side, workloadOf));
      const [large, small] = await race(contenders, runner, runner.say);
      records.push(...[large, small].flatMap((record) => record ?? []));
      findings.push(...throughput(titleOf(what, many), large, small, LEAST_OF_FEW));
    }
    return { records, findings };
  },
};

const FEW = 1000;
// a request may take 1.2 times as long
const LEAST_OF_FEW = 0.83;

/** A crowd with its signed-in accounts. */
interface Side {
  service: CrowdedLatchkey;
  accounts: Tokens[];
  administrator: string;
}

async function prepared(service: CrowdedLatchkey): Promise<Side> {
  const administrator = await administratorOf(service);
  return { service, accounts: await signInCrowd(service, CONNECTIONS), administrator };
}

type WorkloadOf = (side: Side) => { workload: Workload; tokens?: string[] };

const WORKLOADS: { [name: string]: WorkloadOf } = {
  me: ({ service, accounts }) => ({
    workload: meWorkload(service.url),
    tokens: accounts.map(({ accessToken }) => accessToken),
  }),
  refresh: ({ service, accounts }) => ({
    workload: refreshWorkload(service.url),
    tokens: accounts.map(({ refreshToken }) => refreshToken),
  }),
  login: ({ service }) => ({ workload: crowdLoginWorkload(service) }),
  'page of users': ({ service, administrator }) => ({
    workload: asAccount(service.url, firstUsers(), '{"data":{"admin":{"list":{"edges":[{'),
    tokens: Array<string>(CONNECTIONS).fill(administrator),
  }),
};

function contenderOf(stage: Stage, what: string, side: Side, workloadOf: WorkloadOf) {
  const name = `${what}, ${side.service.accounts.toLocaleString('en')} accounts`;
  return flatOut(stage, { name, servers: [side.service], ...workloadOf(side) });
}

function titleOf(what: string, { service: { accounts, sessions } }: Side): string {
  return `${what}, ${accounts.toLocaleString('en')} accounts and ${sessions.toLocaleString('en')} sessions`;
}
