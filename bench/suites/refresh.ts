import type { PopulatedLatchkey } from '../latchkey.ts';
import { meWorkload, refreshWorkload, signIn } from '../operations.ts';
import { type Contender, race } from '../race.ts';
import type { Stage } from '../stage.ts';
import { CONNECTIONS, flatOut, type Suite, throughput } from './suite.ts';

/** The exchange of a refresh token, a write that is on disk before the answer, against a Yoga field that only reads. */
export const refresh: Suite = {
  name: 'refresh',
  async run(stage, runner) {
    const yoga = await stage.peer('yoga');
    const contenders = [
      await refreshing(stage, stage.service, 'Latchkey'),
      flatOut(stage, { name: 'stock Yoga', servers: [yoga], workload: meWorkload(yoga.url) }),
      ...(stage.baseline ? [await refreshing(stage, stage.baseline, 'baseline')] : []),
    ];
    const records = await race(contenders, runner, runner.say);
    const [latchkey, field, baseline] = records;
    const findings = [
      ...throughput('refresh', latchkey, field, 1),
      ...throughput('refresh', latchkey, baseline),
    ];
    return { records, findings };
  },
};

async function refreshing(
  stage: Stage,
  server: PopulatedLatchkey,
  name: string,
): Promise<Contender> {
  const accounts = await signIn(server, CONNECTIONS);
  const tokens = accounts.map(({ refreshToken }) => refreshToken);
  return flatOut(stage, { name, servers: [server], workload: refreshWorkload(server.url), tokens });
}
