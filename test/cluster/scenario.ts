import { setTimeout as delay } from 'node:timers/promises';
import { type Account, register, type Service } from './account.ts';
import type { Cluster, Site } from './cluster.ts';
import { switchPrimary } from './group-replication.ts';
import { startHaproxy } from './haproxy.ts';
import { type Instance, prepareDatabase, serviceUrl, startInstance } from './instance.ts';
import { type Running, sqlAt, until } from './node.ts';
import { raceOnTwoNodes } from './race.ts';
import { gapOf, type Pulse, startPulse, startTraffic } from './traffic.ts';
import { type Checks, verify } from './verification.ts';

const PEOPLE = 10;
const WARM_UP_MS = 8000;
const AFTERWARDS_MS = 8000;
const RESUMES_WITHIN_SECONDS = 15;

/**
 * Two instances over one cluster, one with all hosts in its DATABASE_URL, the other through HAProxy, under load while
 * what they write to is killed.
 *
 * @returns what was wrong
 */
export async function runScenario(site: Site, cluster: Cluster, port: number): Promise<string[]> {
  const running: Running[] = [];
  try {
    site.say(`${cluster.name}: migrating, and starting two instances`);
    await prepareDatabase(cluster);
    running.push(await startHaproxy(site, cluster, port));
    const instance = async (name: string, offset: number, databaseUrl: string) => {
      const at = { name, port: port + offset, publicPort: port + 1, databaseUrl };
      const started = await startInstance(site, at);
      running.push(started.process);
      return started;
    };
    const byList = await instance('a list of hosts', 1, serviceUrl(...cluster.ports));
    const byProxy = await instance('HAProxy', 2, serviceUrl(port));
    const service: Service = {
      instances: [byList, byProxy],
      problems: new Map(),
      violations: [],
      acknowledged: new Map(),
    };
    await failOver(site, cluster, service);
    if (cluster.proxySection === 'galera') {
      const [one = 0, other = 0] = cluster.ports;
      const here = await instance('one node', 3, serviceUrl(one));
      const there = await instance('another node', 4, serviceUrl(other));
      await raceOnTwoNodes(site, cluster, { ...service, instances: [here, there] });
    } else {
      await switchOver(site, cluster, service);
    }
    report(site, service);
    return service.violations.map((violation) => `${cluster.name}: ${violation}`);
  } finally {
    await Promise.all(running.map((one) => one.kill('SIGTERM')));
  }
}

/** Without the service in between. */
async function untilWritable(ports: number[]): Promise<void> {
  const beat = (port: number) => sqlAt(port, 'update beats.beats set beat = beat + 1 where id = 1');
  const attempts = ports.map((port) =>
    until(`${port} takes writes`, async () => {
      await beat(port);
      return true;
    }),
  );
  await Promise.any(attempts);
}

async function failOver(site: Site, cluster: Cluster, service: Service): Promise<void> {
  const port = await cluster.written();
  const journal = await underLoad(site, service, async () => {
    site.say(`${cluster.name}: kill -9 of ${port}, which is written to`);
    const killedAt = performance.now();
    await cluster.kill(port);
    await untilWritable(cluster.ports.filter((other) => other !== port));
    const seconds = (performance.now() - killedAt) / 1000;
    site.say(`${cluster.name}: it takes writes again after ${seconds.toFixed(1)} s`);
  });
  await compare(site, cluster, service, journal);
  site.say(`${cluster.name}: starting ${port} again`);
  await cluster.rejoin(port);
  await compareNodes(site, cluster, service, journal);
}

/** A primary that is changed on purpose refuses writes from one moment to the next, and goes on answering reads. */
async function switchOver(site: Site, cluster: Cluster, service: Service): Promise<void> {
  const journal = await underLoad(site, service, async () => {
    site.say(`${cluster.name}: making another member the primary`);
    site.say(`${cluster.name}: it is ${await switchPrimary(cluster)}`);
  });
  await compare(site, cluster, service, journal);
}

/** @returns what people were told before, during and after */
async function underLoad(
  site: Site,
  service: Service,
  fail: () => Promise<void>,
): Promise<Account[]> {
  const pulses = await Promise.all(service.instances.map((one) => pulseOf(service, one)));
  const traffic = startTraffic(service, PEOPLE);
  await delay(WARM_UP_MS);
  const before = traffic.accounts.length;
  const failedAt = performance.now();
  await fail();
  await untilAllBeat(pulses, failedAt);
  await delay(AFTERWARDS_MS);
  await traffic.stop();
  for (const pulse of pulses) {
    await pulse.stop();
    tellGap(site, service, pulse, failedAt);
  }
  const all = traffic.accounts.length;
  site.say(`${before} people had registered before, ${all} in the end`);
  if (before === 0 || all === before) service.violations.push('there was no load');
  return traffic.accounts;
}

async function pulseOf(service: Service, instance: Instance): Promise<Pulse> {
  const account = await register({ ...service, instances: [instance] });
  if (account === undefined) throw new Error(`Nobody can register at ${instance.name}.`);
  return startPulse(instance, account);
}

/** Waits until sign-ins succeed for some seconds without a failure, at each instance, or for a minute. */
async function untilAllBeat(pulses: Pulse[], failedAt: number): Promise<void> {
  const deadline = failedAt + 60_000;
  const isWell = (pulse: Pulse) => {
    const latest = pulse.beats.filter(({ sentAt }) => sentAt > performance.now() - 4000);
    return latest.length > 8 && latest.every(({ problem }) => problem === undefined);
  };
  // a failure takes a moment to show
  await delay(5000);
  while (!pulses.every(isWell) && performance.now() < deadline) await delay(200);
}

function tellGap(site: Site, service: Service, pulse: Pulse, failedAt: number): void {
  const { first, last } = gapOf(pulse, failedAt);
  const { name } = pulse.instance;
  site.say(
    `by ${name}: the last sign-in failed ${last.toFixed(1)} s after, all is well from ${first.toFixed(1)} s on`,
  );
  if (!(first <= RESUMES_WITHIN_SECONDS)) {
    service.violations.push(`by ${name}: service resumed after ${first.toFixed(1)} s`);
  }
  const problem = pulse.instance.process.problem();
  if (problem !== undefined) service.violations.push(problem);
}

async function compare(
  site: Site,
  cluster: Cluster,
  service: Service,
  journal: Account[],
): Promise<void> {
  site.say(`${cluster.name}: comparing what people were told with what is there`);
  const checks: Checks = new Map();
  const before = service.violations.length;
  // those who were there last first: some of what they did can be tried for half a minute only
  await verify(service, journal, checks);
  for (const [what, count] of checks) site.say(`  ${String(count).padStart(5)} x ${what}`);
  const isGood = service.violations.length === before;
  site.say(`${cluster.name}: ${isGood ? 'it is all there' : 'something differs'}`);
}

/** Every node has everybody who was told that they are registered. */
async function compareNodes(
  site: Site,
  cluster: Cluster,
  service: Service,
  journal: Account[],
): Promise<void> {
  const list = journal.map(({ email }) => `'${email}'`).join();
  for (const port of cluster.ports) {
    const sql = `select count(*) as found from latchkey.users where email in (${list})`;
    let found = 0;
    // the one that was away still catches up
    for (let attempt = 0; attempt < 100 && found !== journal.length; attempt++) {
      if (attempt > 0) await delay(200);
      found = Number((await sqlAt(port, sql))[0]?.found);
    }
    site.say(`${cluster.name}: ${port} has ${found} of ${journal.length} people`);
    if (found !== journal.length) service.violations.push(`${port} lacks people`);
  }
}

function report(site: Site, { problems, acknowledged, violations }: Service): void {
  const told = (counts: Map<string, number>) =>
    [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
  site.say(`answers: ${told(acknowledged)}`);
  site.say(`without a clear answer: ${told(problems)}`);
  const untyped = problems.get('INTERNAL_SERVER_ERROR');
  if (untyped !== undefined) violations.push(`${untyped} answers were INTERNAL_SERVER_ERROR`);
}
