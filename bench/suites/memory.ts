import { createTraffic } from '../load/traffic.ts';
import { loginWorkload } from '../operations.ts';
import { shown } from '../race.ts';
import { peakMemoryMb } from '../server.ts';
import type { Outcome, Suite } from './suite.ts';

/** The peak memory of a service process since its start, with a thousand sign-ins in flight. */
export const memory: Suite = {
  name: 'memory',
  async run(stage, runner) {
    // a new process, so that earlier requests do not count
    const another = await stage.another('latchkey_memory', PATIENT);
    try {
      const { population } = stage.service;
      const workload = loginWorkload({ ...another, population });
      const traffic = createTraffic(workload, { connections: LOGINS });
      const [client] = stage.clients;
      const before = peakMemoryMb(another.pid);
      runner.say(`${NAME}; this goes on until all are answered`);
      // ends when every request sent within the second is answered
      await traffic.run(client, 1);
      const during = peakMemoryMb(another.pid);
      if (before === undefined || during === undefined) {
        runner.say('this system does not tell how much memory a process has held');
        return { records: [], findings: [] };
      }
      runner.say(`${shown({ peakMb: before })} before, ${shown({ peakMb: during })} at the most`);
      return outcomeOf(before, during);
    } finally {
      await another.stop();
    }
  },
};

// long enough that no request is refused for lack of a database connection: a refused request would hold no memory
const PATIENT = { DATABASE_TIMEOUT: '60' };
// the default length of the hash queue
const LOGINS = 1000;
const NAME = `${LOGINS.toLocaleString('en')} sign-ins at once`;
const MOST_MB = 200;

function outcomeOf(before: number, during: number): Outcome {
  return {
    records: [
      { name: NAME, samples: [{ peakMb: during }] },
      { name: 'after the start', samples: [{ peakMb: before }] },
    ],
    findings: [
      {
        what: `memory, ${NAME}`,
        unit: 'MB',
        value: during,
        peer: { name: 'after the start', value: before },
        target: { text: `less than ${MOST_MB} MB`, isMet: during < MOST_MB },
      },
    ],
  };
}
