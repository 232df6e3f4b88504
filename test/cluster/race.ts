import { randomBytes } from 'node:crypto';
import { type Account, asking, refreshTwice, register, type Service } from './account.ts';
import type { Answer, Operation } from './client.ts';
import type { Cluster, Site } from './cluster.ts';
import { conflicts } from './galera.ts';
import { enrol } from './second-factor.ts';

const RACES = 20;

/**
 * Two instances write to two nodes of a Galera cluster, which learn of each other's work only when they commit. Of
 * everything that is good once, one of them gets it.
 */
export async function raceOnTwoNodes(
  site: Site,
  cluster: Cluster,
  service: Service,
): Promise<void> {
  site.say(`${cluster.name}: two instances on two nodes race for what is good once`);
  const before = await allConflicts(cluster);
  for (let race = 0; race < RACES; race++) {
    await raceForAnAddress(service);
    const account = await register(service);
    if (account === undefined || !(await enrol(service, account))) continue;
    await raceForACode(service, account);
    await raceForAChallenge(service, account);
    for (let turn = 0; turn < 3; turn++) await refreshTwice(service, account);
  }
  const met = (await allConflicts(cluster)) - before;
  site.say(`${cluster.name}: the nodes undid each other's work ${met} times`);
  if (met === 0) service.violations.push('the nodes never met, so nothing was tried');
}

async function allConflicts(cluster: Cluster): Promise<number> {
  const each = await Promise.all(cluster.ports.map(conflicts));
  return each.reduce((sum, count) => sum + count, 0);
}

async function raceForAnAddress(service: Service): Promise<void> {
  const email = `eve${randomBytes(8).toString('hex')}@example.com`;
  const variables = { email, password: 'some words in a row' };
  const answers = await race(service, 'register', [variables, variables]);
  judge(service, answers, 'RegisterSuccess', 'EmailTaken');
}

async function raceForACode(service: Service, account: Account): Promise<void> {
  const challenges = await Promise.all([
    newChallenge(service, account),
    newChallenge(service, account),
  ]);
  const code = account.recoveryCodes.pop() ?? '';
  const answers = await race(
    service,
    'completeLogin',
    challenges.map((challenge) => ({ challenge, code })),
  );
  judge(service, answers, 'LoginSuccess', 'InvalidCode');
}

async function raceForAChallenge(service: Service, account: Account): Promise<void> {
  const challenge = await newChallenge(service, account);
  const [first = '', second = ''] = account.recoveryCodes.splice(-2);
  const answers = await race(service, 'completeLogin', [
    { challenge, code: first },
    { challenge, code: second },
  ]);
  judge(service, answers, 'LoginSuccess', 'InvalidChallenge');
}

/** Signs in at one node; the other one knows of it as soon as this is answered. */
async function newChallenge(service: Service, { email, password }: Account): Promise<string> {
  const { data } = await asking(service, 'login', { email, password });
  return data?.challenge ?? '';
}

function race(
  service: Service,
  operation: Operation,
  variables: Record<string, string>[],
): Promise<Answer[]> {
  return Promise.all(
    service.instances.map((at, index) =>
      asking(service, operation, variables[index] ?? {}, { at }),
    ),
  );
}

function judge(service: Service, answers: Answer[], won: string, lost: string): void {
  const types = answers.map(({ type, problem }) => type ?? problem ?? 'nothing').sort();
  const expected = [won, lost].sort();
  if (types.join() !== expected.join()) {
    service.violations.push(
      `a race ended with ${types.join(' and ')}, not ${expected.join(' and ')}`,
    );
  }
}
