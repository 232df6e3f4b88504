import { createTraffic } from '../load/traffic.ts';
import { loginWorkload } from '../operations.ts';
import { shown } from '../race.ts';
import { peakMemoryMb } from '../server.ts';
import type { Outcome, Suite } from './suite.ts';

/** How much memory a process of the service holds at the most, from its start on, with a thousand sign-ins in flight. */
export const memory: Suite = {
  name: 'memory',
  async run(stage, runner) {
    // a new process: what others have asked before is not to count
    const another = await stage.another('latchkey_memory', PATIENT);
    try {
      const { population } = stage.service;
      const workload = loginWorkload({ ...another, population });
      const traffic = createTraffic(workload, { connections: LOGINS });
      const [client] = stage.clients;
      const before = peakMemoryMb(another.pid);
      runner.say(`${NAME}; this goes on until all are answered`);
      // it ends when the last of those that were sent within a second is answered
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

// one that is refused because the database has no connection for it in time would hold no memory
const PATIENT = { DATABASE_TIMEOUT: '60' };
// as many as the queue of hashes takes unless it is told otherwise
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
