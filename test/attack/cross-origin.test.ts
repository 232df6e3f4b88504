import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const LISTED = 'https://app.example.com';
const ENDPOINT = 'http://localhost:4000/graphql';

/** Origins that have got past somebody's pattern for `https://app.example.com`. */
const STRANGERS = [
  'null',
  'https://evil.example',
  'https://evil.app.example.com',
  'https://app.example.com.evil.example',
  'https://appXexample.com',
  'https://evilapp.example.com',
  'https://app-example.com',
  'https://example.com',
  'http://app.example.com',
  'https://app.example.com:443',
  'https://app.example.com:8443',
  'https://app.example.com/',
  'https://app.example.com.',
  'https://APP.example.com',
  'https://app.example.com@evil.example',
  'https://app.example.com%60.evil.example',
  'https://app.example.com_.evil.example',
  'https://app.example.com, https://evil.example',
  'https://evil.example https://app.example.com',
  '*',
  '',
  'file://',
  'http://localhost:4000',
];

/** Ways to ask, one for each kind of answer. */
const REQUESTS: Record<string, (url: string) => [string, RequestInit]> = {
  'a query': (url) => [url, { method: 'POST', ...json('{ me { id } }') }],
  'a query by GET': (url) => [`${url}?query=%7B__typename%7D`, {}],
  'a mutation by GET': (url) => [`${url}?query=mutation%7B__typename%7D`, {}],
  'an invalid document': (url) => [url, { method: 'POST', ...json('{') }],
  'a wrong method': (url) => [url, { method: 'PUT', body: '{}' }],
  'a wrong type': (url) => [url, { method: 'POST', body: '{}' }],
  'too much': (url) => [url, { method: 'POST', ...json('x'.repeat(200_000)) }],
  'a wrong path': (url) => [`${url}/no`, {}],
  'the health': (url) => [url.replace('graphql', 'health'), {}],
  'a preflight': (url) => [
    url,
    {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    },
  ],
};

function json(query: string): RequestInit {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) };
}

async function ask(app: TestApp, name: string, headers: Record<string, string>): Promise<Headers> {
  const [url, init] = REQUESTS[name]?.(ENDPOINT) ?? ['', {}];
  const response = await app.app.fetch(url, { ...init, headers: { ...init.headers, ...headers } });
  expect(response.status).toBeLessThan(500);
  return response.headers;
}

const grants = (headers: Headers) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('C2: reading answers from a page of another origin', () => {
  let open: TestApp;
  let closed: TestApp;
  let user: TestUser;
  beforeAll(async () => {
    [open, closed] = await Promise.all([
      createTestApp({ env: { PUBLIC_URL: 'https://auth.example.com', CORS_ORIGINS: LISTED } }),
      createTestApp({ env: { PUBLIC_URL: 'https://auth.example.com' } }),
    ]);
    user = await registerUser(open);
  });
  afterAll(async () => {
    await closed.close();
    await open.close();
  });

  it.each(Object.keys(REQUESTS))('is granted to no stranger, for %s', async (name) => {
    for (const origin of STRANGERS) {
      for (const more of [{}, { authorization: `Bearer ${user.accessToken}` }]) {
        const headers = await ask(open, name, { origin, ...more });
        expect(grants(headers), origin).toEqual([]);
        // a cache must not keep this answer for the origin that is listed
        expect(headers.get('vary') ?? '', origin).toMatch(/\bOrigin\b/);
      }
    }
  });

  it.each(Object.keys(REQUESTS))(
    'is granted to the listed origin by its name, for %s',
    async (name) => {
      const headers = await ask(open, name, { origin: LISTED });
      expect(headers.get('access-control-allow-origin')).toBe(LISTED);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      expect(headers.get('vary') ?? '').toMatch(/\bOrigin\b/);
    },
  );

  it.each(Object.keys(REQUESTS))(
    'is granted to nobody where none is listed, for %s',
    async (name) => {
      for (const origin of [...STRANGERS, LISTED, 'https://auth.example.com']) {
        expect(grants(await ask(closed, name, { origin })), origin).toEqual([]);
      }
    },
  );

  it('is granted for the headers that a cookie session needs', async () => {
    const headers = await ask(open, 'a preflight', { origin: LISTED });
    const allowed = headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
    for (const name of ['content-type', 'authorization', 'x-csrf-protection']) {
      expect(allowed).toContain(name);
    }
    expect(allowed).not.toContain('*');
    expect(headers.get('access-control-allow-methods')).not.toContain('*');
  });

  it('shows nothing in a frame either', async () => {
    for (const name of Object.keys(REQUESTS)) {
      const headers = await ask(closed, name, {});
      expect(headers.get('content-security-policy'), name).toMatch(/frame-ancestors 'none'/);
      expect(headers.get('x-frame-options'), name).toBe('DENY');
      expect(headers.get('cross-origin-resource-policy'), name).toBe('same-origin');
    }
  });

  it('is granted to every origin for the public keys, and without credentials', async () => {
    const url = 'http://localhost:4000/.well-known/jwks.json';
    for (const origin of ['https://evil.example', LISTED, 'null']) {
      const { headers } = await open.app.fetch(url, { headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBe('*');
      // a browser takes no answer that has both, so that the listed origin could not read the keys with credentials
      if (origin !== LISTED) expect(headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  const isRefusedAtStart = (origins: string) =>
    expect(() =>
      loadConfig({ NODE_ENV: 'test', AUTH_SECRET: 'x'.repeat(40), CORS_ORIGINS: origins }),
    ).toThrow(/CORS_ORIGINS/);

  it.each([
    '*',
    'null',
    'https://app.example.com/',
    'app.example.com',
    'https://app.example.com/x',
  ])('cannot be granted by a pattern: CORS_ORIGINS=%s is refused at the start', isRefusedAtStart);

  it('cannot be granted by a pattern: CORS_ORIGINS=https://*.example.com is refused at the start', () =>
    isRefusedAtStart('https://*.example.com'));
});
