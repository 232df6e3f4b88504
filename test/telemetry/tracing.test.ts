import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSpanExporter } from '../../src/telemetry/otlp.ts';
import { createTracer, type Span } from '../../src/telemetry/tracing.ts';
import { LOGIN, newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { type Collector, type ReceivedSpan, startCollector } from '../support/collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const SERVER = 2;

let lines: Record<string, unknown>[] = [];
const logger = pino(
  { level: 'info' },
  new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(line));
      done();
    },
  }),
);

let collector: Collector;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.close());

/** What an app sends of the work, once it is closed. */
async function tracesOf(
  work: (app: TestApp) => Promise<unknown>,
  env: Record<string, string> = {},
): Promise<ReceivedSpan[]> {
  collector.spans.length = 0;
  lines = [];
  const app = await createTestApp({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env },
    overrides: { logger },
  });
  await work(app);
  await app.close();
  return [...collector.spans];
}

describe('the trace of a request', () => {
  it('goes on from its caller, through context, operation, hashing and statements', async () => {
    const spans = await tracesOf(async (app) => {
      const user = await registerUser(app);
      const input = { identifier: user.email, password: PASSWORD };
      await app.gql(
        LOGIN,
        { input },
        {
          token: user.accessToken,
          headers: { traceparent: `00-${TRACE}-${CALLER}-01` },
        },
      );
    });
    const ours = spans.filter((span) => span.traceId === TRACE);
    const named = (name: string) => ours.find((span) => span.name === name) as ReceivedSpan;
    const request = named('POST request');
    expect(request).toMatchObject({ parentSpanId: CALLER, kind: SERVER });
    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'url.path': '/graphql',
      'http.response.status_code': 200,
    });
    expect(named('context').parentSpanId).toBe(request.spanId);
    expect(named('execute')).toMatchObject({
      parentSpanId: request.spanId,
      attributes: { 'graphql.field': 'login' },
    });
    expect(named('verify password').parentSpanId).toBe(named('execute').spanId);
    const parents = new Set(
      ours.filter(({ name }) => name === 'select').map((s) => s.parentSpanId),
    );
    expect([...parents].sort()).toEqual([named('context').spanId, named('execute').spanId].sort());
    expect(ours.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['insert', 'begin', 'commit']),
    );
    for (const span of ours) {
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
      expect(span.spanId).toMatch(/^[\da-f]{16}$/);
      expect(span.status).toBeUndefined();
    }
    expect(
      Math.abs(Number(BigInt(request.startTimeUnixNano) / 1_000_000n) - Date.now()),
    ).toBeLessThan(60_000);
    expect(new Set(ours.map(({ spanId }) => spanId)).size).toBe(ours.length);
    expect(lines.find(({ traceId }) => traceId === TRACE)).toMatchObject({
      msg: 'request',
      field: 'login',
    });
  });

  it('is a new one where there is no caller, or one that nobody can read', async () => {
    const bad = [
      '',
      'x',
      `00-${'0'.repeat(32)}-${CALLER}-01`,
      `ff-${TRACE}-${CALLER}-01`,
      `00-${TRACE}-${CALLER}-01-more`,
    ];
    const spans = await tracesOf(async (app) => {
      for (const traceparent of bad)
        await app.gql('{ me { id } }', {}, { headers: { traceparent } });
    });
    const requests = spans.filter(({ kind }) => kind === SERVER);
    expect(requests).toHaveLength(bad.length);
    expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(bad.length);
    for (const { traceId, parentSpanId } of requests) {
      expect(traceId).not.toBe(TRACE);
      expect(parentSpanId).toBeUndefined();
    }
  });

  it('is recorded as its caller has decided, otherwise by the share that was asked for', async () => {
    const ask = (flags: string) => async (app: TestApp) => {
      const traceparent = `00-${TRACE}-${CALLER}-${flags}`;
      await app.gql('{ me { id } }', {}, { headers: { traceparent } });
      await app.gql('{ me { id } }');
    };
    const none = { OTEL_TRACES_SAMPLER_ARG: '0' };
    expect(await tracesOf(ask('00'), none)).toEqual([]);
    expect(lines.filter(({ traceId }) => traceId === TRACE)).toHaveLength(1);
    const one = await tracesOf(ask('01'), none);
    expect(one.filter(({ kind }) => kind === SERVER).map(({ traceId }) => traceId)).toEqual([
      TRACE,
    ]);
  });

  it('holds statements without their values, and nothing of the person', async () => {
    const name = newName();
    const spans = await tracesOf(async (app) => {
      const user = await registerUser(app, { email: `${name}@example.com`, username: name });
      await app.gql(
        LOGIN,
        { input: { identifier: name, password: PASSWORD } },
        { token: user.accessToken },
      );
    });
    const text = JSON.stringify(spans);
    expect(text).toContain('insert into `users`');
    for (const secret of [name, PASSWORD, 'argon2id']) expect(text).not.toContain(secret);
  });

  it('says what service it is of, to whoever may know', async () => {
    await tracesOf((app) => app.gql('{ me { id } }'), {
      OTEL_SERVICE_NAME: 'accounts',
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20abc,x-team=auth',
    });
    const { path, headers, service } = collector.requests.at(-1) ?? {};
    expect([path, service]).toEqual(['/v1/traces', 'accounts']);
    expect(headers).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'auth' });
  });

  it('is marked where something failed', async () => {
    const ended: Span[] = [];
    const tracer = createTracer(1, (span) => ended.push(span));
    const work = tracer.request('POST request', undefined, () =>
      tracer.span('execute', async () => {
        tracer.begin('select')(new Error('broken'));
        throw new Error('broken');
      }),
    );
    await expect(work).rejects.toThrow('broken');
    expect(ended.map(({ name, failed }) => [name, failed])).toEqual([
      ['select', true],
      ['execute', true],
      ['POST request', true],
    ]);
  });

  it('is nobody else’s: requests at the same time stay apart', async () => {
    const spans = await tracesOf(async (app) => {
      const users = await Promise.all(Array.from({ length: 5 }, () => registerUser(app)));
      const sending = (i: number) => ({
        token: users[i % 5]?.accessToken ?? '',
        headers: { traceparent: `00-${String(i + 1).padStart(32, '0')}-${CALLER}-01` },
      });
      await Promise.all(
        Array.from({ length: 40 }, (_, i) => app.gql('{ me { id } }', {}, sending(i))),
      );
    });
    for (let i = 0; i < 40; i++) {
      const own = spans.filter(({ traceId }) => Number(traceId) === i + 1);
      const parts = own.filter(({ name }) => name !== 'select');
      expect(parts.map(({ name }) => name).sort()).toEqual(['POST request', 'context', 'execute']);
      // one that is asked for several requests is a part of the first of them
      const context = own.find(({ name }) => name === 'context');
      for (const select of own.filter(({ name }) => name === 'select')) {
        expect(select.parentSpanId).toBe(context?.spanId);
      }
    }
    // sixteen share one at the most
    expect(spans.filter(({ name }) => name === 'select').length).toBeGreaterThanOrEqual(3);
  });
});

describe('a collector', () => {
  const span = (n: number): Span => ({
    traceId: TRACE,
    spanId: String(n).padStart(16, '0'),
    parentId: undefined,
    name: 'work',
    kind: 'internal',
    startedAt: 1,
    endedAt: 2,
    attributes: {},
    failed: false,
  });
  const settings = () => ({ endpoint: collector.url, headers: {}, serviceName: 'x', share: 1 });

  it('that is down is told of once, and costs no memory', async () => {
    collector.status = 503;
    collector.spans.length = 0;
    const told: unknown[] = [];
    const exporter = createSpanExporter(settings(), (error) => told.push(error));
    for (let n = 0; n < 20_000; n++) exporter.add(span(n));
    await exporter.close();
    expect(told).toHaveLength(1);
    collector.status = 200;
  });

  it('gets all that there is room for, in batches, before the process ends', async () => {
    collector.spans.length = 0;
    const requests = collector.requests.length;
    const exporter = createSpanExporter(settings(), () => undefined);
    for (let n = 0; n < 2000; n++) exporter.add(span(n));
    await exporter.close();
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(2000);
    expect(collector.requests.length - requests).toBeLessThan(6);
  });

  it('that is slow holds the end of the process up no longer than one sending may', async () => {
    collector.delayMs = 1500;
    const exporter = createSpanExporter(settings(), () => undefined);
    for (let n = 0; n < 4096; n++) exporter.add(span(n));
    const startedAt = performance.now();
    await exporter.close();
    expect(performance.now() - startedAt).toBeLessThan(6000);
    collector.delayMs = 0;
  }, 20_000);
});

it('writes each statement to the log where SQL_ECHO is on, without a value', async () => {
  lines = [];
  const app = await createTestApp({ env: { SQL_ECHO: 'on' }, overrides: { logger } });
  const { email } = await registerUser(app);
  await app.close();
  const statements = lines.filter(({ msg }) => msg === 'statement').map(({ sql }) => String(sql));
  expect(statements.some((sql) => sql.startsWith('insert into `users`'))).toBe(true);
  expect(statements).toContain('commit');
  expect(JSON.stringify(lines)).not.toContain(email);
});
