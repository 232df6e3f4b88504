import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUEST_ERROR_MESSAGES } from '../../src/errors.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { LOGIN, logIn, newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

/** The figures of an app, by their names with labels. */
async function figures(of: TestApp): Promise<Map<string, number>> {
  const response = await of.app.metrics?.fetch('http://service.test/metrics');
  const lines = (await response?.text())?.split('\n') ?? [];
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

describe('figures', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({
      env: {
        METRICS_PORT: '0',
        RATE_LIMIT: 'on',
        RATE_LIMITS: 'refresh=1/5',
        HASH_CONCURRENCY: '1',
      },
    });
  });
  afterAll(() => app.close());

  /** How much a figure grows by what is done meanwhile. */
  async function growth(name: string, work: () => Promise<unknown>): Promise<number> {
    const before = (await figures(app)).get(name) ?? 0;
    await work();
    return ((await figures(app)).get(name) ?? 0) - before;
  }

  it('tell sign-ins by outcome, tokens, and locks', async () => {
    const user = await registerUser(app);
    const wrong = () => logIn(app, { identifier: user.email, password: 'not that' });
    const mutation = (outcome: string) =>
      `latchkey_mutations_total{field="login",outcome="${outcome}"}`;
    expect(
      await growth(mutation('LoginSuccess'), () => logIn(app, { identifier: user.email })),
    ).toBe(1);
    expect(await growth('latchkey_access_tokens_issued_total', () => registerUser(app))).toBe(1);
    expect(await growth(mutation('InvalidCredentials'), wrong)).toBe(1);
    const four = async () => {
      for (let i = 0; i < 4; i++) await wrong();
    };
    expect(await growth('latchkey_lockouts_total{subject="password"}', four)).toBe(1);
    expect(await growth(mutation('AccountLocked'), wrong)).toBe(1);
  });

  it('tell requests by route, root field and outcome', async () => {
    const request = (operation: string, outcome: string, route = '/graphql') =>
      `latchkey_request_duration_seconds_count{route="${route}",operation="${operation}",outcome="${outcome}"}`;
    const { accessToken: token } = await registerUser(app);
    const me = 'query WhateverTheClientCallsIt { me { id } }';
    expect(await growth(request('me', 'ok'), () => app.gql(me, {}, { token }))).toBe(1);
    const bad = () => app.gql(me, {}, { token: 'x.y.z' });
    expect(await growth(request('me', 'UNAUTHENTICATED'), bad)).toBe(1);
    expect(await growth('latchkey_access_tokens_refused_total', bad)).toBe(1);
    const two = () => app.gql('{ a: me { id } b: me { id } }');
    expect(await growth(request('several', 'ok'), two)).toBe(1);
    expect(await growth(request('', 'BAD_USER_INPUT'), () => app.gql('{ nothing }'))).toBe(1);
    const input = { identifier: newName(), password: 'wrong wrong' };
    const failed = () => app.gql(LOGIN, { input });
    expect(await growth(request('login', 'InvalidCredentials'), failed)).toBe(1);
    const strange = () => app.app.fetch(`http://service.test/${newName()}`);
    expect(await growth(request('', '404', 'other'), strange)).toBe(1);
  });

  it('have no name that a client has made up', async () => {
    const name = `Made_${newName()}`;
    await app.gql(`query ${name} { ${name}: me { id } }`);
    await app.gql('{ __typename }', {}, { headers: { 'x-request-id': `${name}-${name}` } });
    await app.app.fetch(`http://service.test/${name}`, { method: 'PROPFIND' });
    expect([...(await figures(app)).keys()].join('\n')).not.toContain(name);
  });

  it('tell refusals by limit', async () => {
    const refresh = () =>
      app.gql('mutation { refresh(input: {}) { __typename } }', {}, { from: '198.18.3.3' });
    await refresh();
    expect(await growth('latchkey_rate_limited_total{limit="refresh"}', refresh)).toBe(1);
    const name = 'latchkey_mutations_total{field="refresh",outcome="RATE_LIMITED"}';
    expect(await growth(name, refresh)).toBe(1);
  });

  it('tell of hashing, the database, the signing key and the process', async () => {
    expect(await growth('latchkey_hash_duration_seconds_count', () => registerUser(app))).toBe(1);
    const twice = async () => {
      const { email } = await registerUser(app);
      await expect(registerUser(app, { email })).rejects.toThrow('EmailTaken');
    };
    expect(await growth('latchkey_database_errors_total{class="duplicate-key"}', twice)).toBe(1);
    const found = await figures(app);
    expect(found.get('latchkey_database_acquire_seconds_count')).toBeGreaterThan(10);
    expect(found.get('latchkey_database_statement_seconds_count')).toBeGreaterThan(10);
    expect(found.get('latchkey_database_connections{state="idle"}')).toBeGreaterThan(0);
    expect(found.get('latchkey_database_connections{state="used"}')).toBe(0);
    expect(found.get('latchkey_database_waiting')).toBe(0);
    expect(found.get('latchkey_hashes_running')).toBe(0);
    expect(found.get('latchkey_hashes_queued')).toBe(0);
    app.clock.advance(90);
    const age = (await figures(app)).get('latchkey_signing_key_age_seconds') ?? 0;
    expect(age).toBeGreaterThanOrEqual(90);
    expect(found.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
    expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(found.has('latchkey_redis_up')).toBe(false);
  });

  it('are of one service each', async () => {
    const other = await createTestApp({ databaseUrl: app.databaseUrl, env: { METRICS_PORT: '0' } });
    expect([...(await figures(other)).keys()].join('\n')).not.toContain(
      'latchkey_mutations_total{',
    );
    await other.close();
  });

  it('are at /metrics, and nothing else is', async () => {
    const at = (path: string, init?: RequestInit) =>
      app.app.metrics?.fetch(`http://service.test${path}`, init);
    expect((await at('/metrics'))?.headers.get('content-type')).toContain(
      'text/plain; version=0.0.4',
    );
    expect((await at('/graphql', { method: 'POST', body: '{}' }))?.status).toBe(404);
    expect((await at('/metrics', { method: 'POST', body: '' }))?.status).toBe(405);
    expect((await app.app.fetch('http://service.test/metrics')).status).toBe(404);
    const off = await createTestApp({ databaseUrl: app.databaseUrl });
    expect(off.app.metrics).toBeUndefined();
    await off.close();
  });

  it('hold nothing of anybody', async () => {
    const user = await registerUser(app);
    await logIn(app, { identifier: user.email });
    const text = await (await app.app.metrics?.fetch('http://a/metrics'))?.text();
    for (const secret of [user.email, user.username, user.id, PASSWORD, user.accessToken]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('background work', () => {
  const metrics = createMetrics();

  it('is counted, with its rows and its failures', async () => {
    metrics.jobRun('housekeeping', 0.2, 40);
    metrics.jobRun('housekeeping', 0.1, 2);
    metrics.jobRun('housekeeping', 0.1, null);
    const text = await metrics.read();
    expect(text).toContain('latchkey_job_runs_total{task="housekeeping",outcome="ok"} 2');
    expect(text).toContain('latchkey_job_runs_total{task="housekeeping",outcome="failed"} 1');
    expect(text).toContain('latchkey_job_rows_total{task="housekeeping"} 42');
    expect(text).toMatch(
      /latchkey_job_last_success_timestamp_seconds\{task="housekeeping"\} \d{10}/,
    );
  });

  it('that one instance does for all tells which one, and when it was last done by any', async () => {
    let finishedAt: Date | null = null;
    let isOurs = false;
    metrics.watchJob('housekeeping', {
      isOurs: () => isOurs,
      finishedAt: () =>
        finishedAt === null ? Promise.reject(new Error()) : Promise.resolve(finishedAt),
    });
    const held = 'latchkey_job_lease_held{task="housekeeping"}';
    const finished = 'latchkey_job_finished_timestamp_seconds{task="housekeeping"}';
    expect(await metrics.read()).toContain(`${held} 0`);
    expect(await metrics.read()).toContain(`${finished} Nan`);
    [isOurs, finishedAt] = [true, new Date(1_700_000_000_000)];
    expect(await metrics.read()).toContain(`${held} 1`);
    expect(await metrics.read()).toContain(`${finished} 1700000000`);
  });
});

/** The figures of everything that can be watched, and a mail server that cannot. */
function completeMetrics(
  mail: () => Promise<{ pending: number; failed: number; oldestPendingSeconds: number }>,
): Metrics {
  const metrics = createMetrics();
  metrics.watch({
    hashes: () => ({ running: 1, queued: 2 }),
    connections: () => ({ used: 1, idle: 2, waiting: 3 }),
    clockOffsetMs: () => -2500,
    signingKeyAgeMs: () => 1000,
    redisIsUp: () => true,
    mail,
  });
  metrics.watchJob('housekeeping', { isOurs: () => true, finishedAt: async () => new Date() });
  return metrics;
}

it('have no label that Prometheus gives itself, and would rename', async () => {
  const metrics = completeMetrics(async () => ({ pending: 1, failed: 0, oldestPendingSeconds: 2 }));
  metrics.jobRun('housekeeping', 0.1, 1);
  expect(await metrics.read()).not.toMatch(/[{,](job|instance)="/);
});

it('say which version runs', async () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
  expect(await createMetrics().read()).toContain(`latchkey_build_info{version="${version}"} 1\n`);
});

it('reads what it can while the database that knows of mails is down', async () => {
  const text = await completeMetrics(() => Promise.reject(new Error('down'))).read();
  expect(text).toContain('latchkey_mails{state="pending"} Nan');
  expect(text).toContain('latchkey_hashes_queued 2');
  expect(text).toContain('latchkey_clock_offset_seconds -2.5');
});

describe('the files for Prometheus and Grafana', () => {
  const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
  const dashboard = read('deploy/grafana/latchkey.json');
  const alerts = read('deploy/prometheus/alerts.yaml');
  const operation = read('docs/operation.md');

  it('name only figures that there are', async () => {
    const metrics = completeMetrics(async () => ({
      pending: 1,
      failed: 0,
      oldestPendingSeconds: 2,
    }));
    const types = [...(await metrics.read()).matchAll(/^# TYPE (\S+) (\w+)$/gm)];
    const known = new Set(
      types.flatMap(([, name = '', type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    expect(known.size).toBeGreaterThan(40);
    const named = (text: string) =>
      [...text.matchAll(/\b(?:latchkey|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);
    for (const text of [dashboard, alerts]) {
      expect(named(text).length).toBeGreaterThan(8);
      expect(named(text).filter((name) => !known.has(name))).toEqual([]);
    }
    const base = new Set([...known].map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const told = named(operation.slice(operation.indexOf('## Figures')));
    expect(told.filter((name) => !base.has(name) && !known.has(name))).toEqual([]);
    const ours = [...base].filter((name) => name.startsWith('latchkey_'));
    expect(ours.filter((name) => !told.includes(name))).toEqual([]);
  });

  it('raise the alarm at every failure that is the database’s', () => {
    const [, alarming = ''] = /errors_total\{class=~"([^"]+)"/.exec(alerts) ?? [];
    const known = [...read('src/db/failure.ts').matchAll(/: \['([\w-]+)', '(\w+)'\]/g)];
    const serious = known.filter(([, , verdict]) => verdict === 'refused' || verdict === 'lost');
    expect(serious.length).toBeGreaterThan(10);
    for (const [, name = ''] of serious) expect(alarming.split('|')).toContain(name);
    expect(alerts).toContain('class="disk-full"');
    const all = [...known.map(([, name]) => name), 'timeout', 'pool-exhausted'];
    expect(alarming.split('|').filter((name) => !all.includes(name))).toEqual([]);
  });

  it('measure failures by the requests of people, which probes do not water down', () => {
    const shares = [
      ...alerts.matchAll(/sum\(rate\((latchkey_request_duration_seconds_count.*)\[/g),
    ];
    expect(shares.length).toBeGreaterThan(3);
    for (const [, selected] of shares) expect(selected).toContain('route="/graphql"');
    for (const code of ['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'INTERNAL_SERVER_ERROR', 'OVERLOADED']) {
      expect(Object.keys(REQUEST_ERROR_MESSAGES)).toContain(code);
      expect(alerts).toMatch(new RegExp(`outcome=~?"[^"]*${code}`));
    }
  });

  it('name only outcomes and labels that there are', () => {
    const labels = [...`${dashboard}${alerts}`.matchAll(/by \(([^)]*)\)/g)].flatMap(
      ([, list = '']) => list.split(',').map((label) => label.trim()),
    );
    const known = [
      'le',
      'route',
      'operation',
      'outcome',
      'field',
      'limit',
      'subject',
      'class',
      'task',
      'version',
      'state',
      'instance',
    ];
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  });
});
