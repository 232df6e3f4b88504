import { describe, expect, it } from 'vitest';
import type { HttpRequest, Route } from '../../src/http/exchange.ts';
import { createReadinessRoute, type ReadinessOptions } from '../../src/http/health.ts';
import { createTinyService } from './tiny-service.ts';

/** Asks `/ready` and gives its status. */
function readiness(options: ReadinessOptions): () => Promise<number> {
  const route: Route = createReadinessRoute(options);
  return async () => {
    const response = await route.GET?.({} as HttpRequest);
    return response?.status ?? 0;
  };
}

describe('/health', () => {
  it('tells that the process is alive', async () => {
    const { app } = createTinyService();
    const response = await app.fetch('http://service.test/health');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });
});

describe('/ready', () => {
  it.each([
    ['ready', 200, () => Promise.resolve(true)],
    ['not ready', 503, () => Promise.resolve(false)],
    ['not ready', 503, () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3'))],
    ['not ready', 503, () => new Promise<boolean>(() => undefined)],
  ])('answers "%s" with %i', async (status, code, isReady) => {
    const { app } = createTinyService({
      app: { routes: { '/ready': createReadinessRoute({ isReady, timeoutMs: 20 }) } },
    });
    const response = await app.fetch('http://service.test/ready');
    expect(response.status).toBe(code);
    expect(await response.text()).toBe(JSON.stringify({ status }));
  });

  it('tells once that it is not ready and why, and once that it is again', async () => {
    let now = 0;
    let failure: Error | undefined;
    const told: unknown[] = [];
    const ask = readiness({
      isReady: () => (failure === undefined ? Promise.resolve(true) : Promise.reject(failure)),
      changed: (isReady, why) => told.push([isReady, why]),
      cacheMs: 1,
      clock: () => now++,
    });
    await ask();
    const gone = new Error('connect ECONNREFUSED 10.1.2.3');
    for (const next of [gone, gone, undefined, undefined]) {
      failure = next;
      await ask();
    }
    expect(told).toEqual([
      [false, gone],
      [true, undefined],
    ]);
  });

  it('asks once for however many ask it', async () => {
    let asked = 0;
    const ask = readiness({ isReady: () => Promise.resolve(++asked > 0) });
    expect(await Promise.all(Array.from({ length: 100 }, ask))).toEqual(Array(100).fill(200));
    expect(asked).toBe(1);
  });

  it('asks again when its answer is old, and only then', async () => {
    let now = 0;
    let asked = 0;
    const isReady = () => Promise.resolve(++asked !== 2);
    const ask = readiness({ isReady, cacheMs: 1000, clock: () => now });
    expect(await ask()).toBe(200);
    now = 999;
    expect(await ask()).toBe(200);
    expect(asked).toBe(1);
    now = 1000;
    expect(await ask()).toBe(503);
    now = 2000;
    expect(await ask()).toBe(200);
    expect(asked).toBe(3);
  });

  it('is no from the moment on that the process is about to stop, whatever was known before', async () => {
    let isRetired = false;
    const ask = readiness({ isReady: () => Promise.resolve(true), isRetired: () => isRetired });
    expect(await ask()).toBe(200);
    isRetired = true;
    expect(await ask()).toBe(503);
  });
});
