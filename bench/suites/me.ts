import type { PopulatedLatchkey } from '../latchkey.ts';
import {
  betterAuthSessionWorkload,
  meWorkload,
  signIn,
  signInToBetterAuth,
} from '../operations.ts';
import { type Contender, race } from '../race.ts';
import type { Server } from '../server.ts';
import type { Stage } from '../stage.ts';
import { CONNECTIONS, flatOut, type Suite, throughput } from './suite.ts';

/** `me`, which every page requests: who is signed in. */
export const me: Suite = {
  name: 'me',
  async run(stage, runner) {
    const contenders = [
      await signedIn(stage, stage.service, 'Latchkey'),
      anonymous(stage, await stage.peer('yoga'), 'stock Yoga'),
      anonymous(stage, await stage.peer('raw'), 'raw node:http'),
      await withCookies(stage, await stage.peer('better-auth')),
      ...(stage.baseline ? [await signedIn(stage, stage.baseline, 'baseline')] : []),
    ];
    const options = { ...runner, warmUpSeconds: WARM_UP * runner.seconds };
    const records = await race(contenders, options, runner.say);
    const [latchkey, yoga, raw, betterAuth, baseline] = records;
    const findings = [
      ...throughput('me', latchkey, yoga, 1.7),
      ...throughput('me', latchkey, raw, 0.6),
      ...throughput('me', latchkey, betterAuth, 5),
      ...throughput('me', latchkey, baseline),
    ];
    return { records, findings };
  },
};

// better-auth becomes three times as fast after its first two thousand answers, which take it some seconds
const WARM_UP = 2;

async function signedIn(stage: Stage, server: PopulatedLatchkey, name: string): Promise<Contender> {
  const accounts = await signIn(server, CONNECTIONS);
  const tokens = accounts.map(({ accessToken }) => accessToken);
  return flatOut(stage, { name, servers: [server], workload: meWorkload(server.url), tokens });
}

function anonymous(stage: Stage, server: Server, name: string): Contender {
  return flatOut(stage, { name, servers: [server], workload: meWorkload(server.url) });
}

async function withCookies(stage: Stage, server: Server): Promise<Contender> {
  const tokens = await signInToBetterAuth(server.url, CONNECTIONS);
  const workload = betterAuthSessionWorkload(server.url);
  return flatOut(stage, { name: 'better-auth', servers: [server], workload, tokens });
}
