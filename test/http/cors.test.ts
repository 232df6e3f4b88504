import { describe, expect, it } from 'vitest';
import { createCors } from '../../src/http/cors.ts';
import { createTinyService, GRAPHQL_URL } from './tiny-service.ts';

const APP = 'https://app.example.com';

const FOREIGN = [
  'https://evil.example',
  'null',
  '*',
  'http://app.example.com',
  'https://app.example.com.evil.example',
  'https://evil.example/https://app.example.com',
  'https://xapp.example.com',
  'https://appxexample.com',
  'https://app.example.com:8443',
  'https://APP.example.com',
  'https://app.example.com/',
];

function corsHeaders(response: Response): [string, string][] {
  return [...response.headers].filter(([name]) => name.startsWith('access-control-'));
}

function preflightFrom(origin: string, origins: readonly string[]): Promise<Response> {
  return createTinyService({ origins }).app.fetch(GRAPHQL_URL, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  });
}

describe('CORS', () => {
  it.each([...FOREIGN, APP])('is closed by default, also for %s', async (origin) => {
    expect(corsHeaders(await preflightFrom(origin, []))).toEqual([]);
    const { app } = createTinyService();
    const answer = await app.fetch(`${GRAPHQL_URL}?query={hello}`, { headers: { origin } });
    expect(corsHeaders(answer)).toEqual([]);
  });

  it.each(FOREIGN)('is closed for %s where another origin is listed', async (origin) => {
    const preflight = await preflightFrom(origin, [APP]);
    expect(corsHeaders(preflight)).toEqual([]);
    expect(preflight.headers.get('vary')).toBe('Origin');
    const { app } = createTinyService({ origins: [APP] });
    const answer = await app.fetch(`${GRAPHQL_URL}?query={hello}`, { headers: { origin } });
    expect(corsHeaders(answer)).toEqual([]);
    expect(answer.headers.get('vary')).toBe('Origin');
  });

  it('is open for a listed origin, with credentials', async () => {
    const preflight = await preflightFrom(APP, [APP, 'http://localhost:3000']);
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': expect.stringMatching(/content-type, authorization/),
      vary: 'Origin',
    });
  });

  it('lets a listed origin read any answer, failures included', async () => {
    const { app } = createTinyService({ origins: [APP] });
    for (const path of ['/graphql', '/nowhere', '/throws']) {
      const response = await app.fetch(`http://service.test${path}`, { headers: { origin: APP } });
      expect(response.headers.get('access-control-allow-origin')).toBe(APP);
    }
  });

  it('tells of the first origin that it refuses, and of none that it lets in', () => {
    const told: string[] = [];
    const cors = createCors([APP], (origin) => told.push(origin));
    for (const origin of [undefined, APP, 'http://localhost:5173', 'https://evil.example']) {
      cors.preflight({ ...(origin && { origin }) }, 'POST');
    }
    expect(told).toEqual(['http://localhost:5173']);
  });

  it.each(['*', 'null', 'app.example.com', 'https://app.example.com/', 'https://a.b/path', ''])(
    'cannot be configured with %j',
    (origin) => {
      expect(() => createCors([origin])).toThrow(/CORS/);
    },
  );
});
