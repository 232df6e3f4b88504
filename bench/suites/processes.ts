import { meWorkload, signIn } from '../operations.ts';
import { race } from '../race.ts';
import type { Server } from '../server.ts';
import { CONNECTIONS, flatOut, type Suite, throughput } from './suite.ts';

/** Two processes of the service on one database, without a load balancer: the connections are spread over both ports. */
export const processes: Suite = {
  name: 'processes',
  async run(stage, runner) {
    const accounts = await signIn(stage.service, CONNECTIONS);
    const tokens = accounts.map(({ accessToken }) => accessToken);
    const served = (name: string, servers: Server[]) => {
      const urls = servers.map(({ url }) => url);
      const workload = { ...meWorkload(stage.service.url), servers: urls };
      return flatOut(stage, { name, servers, workload, tokens });
    };
    const another = await stage.another('latchkey_second');
    try {
      const contenders = [
        served('2 processes', [stage.service, another]),
        served('1 process', [stage.service]),
      ];
      const records = await race(contenders, runner, runner.say);
      const [two, one] = records;
      return { records, findings: throughput('me by 2 processes', two, one) };
    } finally {
      await another.stop();
    }
  },
};
