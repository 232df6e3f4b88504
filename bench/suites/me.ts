import { meWorkload, signIn } from '../operations.ts';
import { type Contender, race } from '../race.ts';
import type { Server } from '../server.ts';
import type { Latchkey, Stage } from '../stage.ts';
import { CONNECTIONS, flatOut, type Suite, throughput } from './suite.ts';

/** The request of every page: who is signed in. */
export const me: Suite = {
  name: 'me',
  async run(stage, runner) {
    const contenders = [
      await signedIn(stage, stage.service, 'Latchkey'),
      anonymous(stage, await stage.peer('yoga'), 'stock Yoga'),
      anonymous(stage, await stage.peer('raw'), 'raw node:http'),
      ...(stage.baseline ? [await signedIn(stage, stage.baseline, 'baseline')] : []),
    ];
    const records = await race(contenders, runner, runner.say);
    const [latchkey, yoga, raw, baseline] = records;
    const findings = [
      ...throughput('me', latchkey, yoga, 1.7),
      ...throughput('me', latchkey, raw, 0.6),
      ...throughput('me', latchkey, baseline),
    ];
    return { records, findings };
  },
};

async function signedIn(stage: Stage, server: Latchkey, name: string): Promise<Contender> {
  const accounts = await signIn(server, CONNECTIONS);
  const tokens = accounts.map(({ accessToken }) => accessToken);
  return flatOut(stage, { name, server, workload: meWorkload(server.url), tokens });
}

function anonymous(stage: Stage, server: Server, name: string): Contender {
  return flatOut(stage, { name, server, workload: meWorkload(server.url) });
}
