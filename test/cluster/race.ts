import { randomBytes } from 'node:crypto';
import { type Account, asking, refreshTwice, register, type Service } from './account.ts';
import type { Answer, Operation } from './client.ts';
import type { Cluster, Site } from './cluster.ts';
import { conflicts } from './galera.ts';
import type { Instance } from './instance.ts';
import { sqlAt } from './node.ts';
import { enrol } from './second-factor.ts';

const RACES = 20;
const LAGS = 3;

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
  site.say(`${cluster.name}: what one stores the other reads, while its node lags behind`);
  for (let turn = 0; turn < LAGS; turn++) await readElsewhere(cluster, service);
  const met = (await allConflicts(cluster)) - before;
  site.say(`${cluster.name}: the nodes undid each other's work ${met} times`);
  if (met === 0) service.violations.push('the nodes never met, so nothing was tried');
}

/**
 * A node that has something to apply, which takes a moment, has not applied yet what was stored after that. Mutations
 * wait for it by themselves, because they write; what is only read shows whether the service waits.
 */
async function readElsewhere(cluster: Cluster, service: Service): Promise<void> {
  const [here, there] = service.instances;
  const account = await register({ ...service, instances: service.instances.slice(0, 1) });
  if (here === undefined || there === undefined || account === undefined) return;
  const { accessToken: token } = account;
  await expectAt(service, there, token, 'User');
  await delayApplying(cluster);
  const ended = await asking(service, 'logout', {}, { token, at: here });
  if (ended.type === 'LogoutSuccess') await expectAt(service, there, token, 'UNAUTHENTICATED');
  await delayApplying(cluster);
  const { email, password } = account;
  const session = await asking(service, 'login', { email, password }, { at: here });
  if (session.type !== 'LoginSuccess') return;
  await expectAt(service, there, session.data.tokens.accessToken, 'User');
}

async function delayApplying({ ports: [first = 0] }: Cluster): Promise<void> {
  await sqlAt(
    first,
    'use beats',
    'create table if not exists many (id int primary key auto_increment, beat int)',
    'insert into many (beat) select seq from seq_1_to_100000',
  );
}

async function expectAt(
  service: Service,
  at: Instance,
  token: string,
  expected: string,
): Promise<void> {
  const { type, problem } = await asking(service, 'me', {}, { token, at });
  if (type === expected || problem === expected || problem === 'UNAVAILABLE') return;
  service.violations.push(`the other node answered ${type ?? problem}, not ${expected}`);
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
