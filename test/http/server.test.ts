import { describe, expect, it } from 'vitest';
import { parseTrustedProxies } from '../../src/http/client-address.ts';
import { createSecurityHeaders } from '../../src/http/security-headers.ts';
import { createTinyService, onlyError, post, SECURITY_HEADERS } from './tiny-service.ts';

const AT = 'http://service.test';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

describe('every answer', () => {
  it.each([
    ['GET', '/graphql?query={hello}', 200],
    ['GET', '/graphql', 400],
    ['GET', '/graphql?query=mutation{change}', 405],
    ['GET', '/health', 200],
    ['HEAD', '/health', 200],
    ['OPTIONS', '/graphql', 204],
    ['GET', '/nowhere', 404],
    ['GET', '/graphql/', 404],
    ['GET', '//graphql', 404],
    ['GET', '/__proto__', 404],
    ['POST', '/health', 405],
    ['PUT', '/graphql', 405],
    ['DELETE', '/graphql', 405],
    ['PATCH', '/health', 405],
    ['GET', '/throws', 500],
  ])('has the security headers and a request id: %s %s', async (method, path, status) => {
    const response = await createTinyService().app.fetch(AT + path, { method });
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...SECURITY_HEADERS,
      'x-request-id': expect.stringMatching(UUID),
    });
    for (const banner of ['server', 'x-powered-by'])
      expect(response.headers.has(banner)).toBe(false);
    if (status === 204) expect(response.headers.has('content-length')).toBe(false);
    else expect(response.headers.get('content-type')).toMatch(/json; charset=utf-8$/);
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('has HSTS where the service is reached over HTTPS, and only there', () => {
    expect(SECURITY_HEADERS['strict-transport-security']).toBeUndefined();
    const headers = createSecurityHeaders({ https: true });
    const maxAge = /^max-age=(\d+); includeSubDomains$/.exec(
      headers['strict-transport-security'] ?? '',
    );
    expect(Number(maxAge?.[1])).toBeGreaterThanOrEqual(365 * 24 * 3600);
  });

  it('to HEAD is that to GET without the body', async () => {
    const { app } = createTinyService();
    const url = `${AT}/graphql?query={hello}`;
    const get = await app.fetch(url, { headers: { 'x-request-id': 'same-for-both' } });
    const head = await app.fetch(url, {
      method: 'HEAD',
      headers: { 'x-request-id': 'same-for-both' },
    });
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
    expect(await head.text()).toBe('');
  });

  it('to HEAD executes no mutation', async () => {
    const service = createTinyService();
    await service.app.fetch(`${AT}/graphql?query=mutation{change}`, { method: 'HEAD' });
    expect(service.mutations()).toBe(0);
  });
});

describe('the request id', () => {
  it.each(['0123abcd', 'a.b:c_d-E', 'x'.repeat(64)])('may be given: %s', async (id) => {
    const { app } = createTinyService();
    const response = await app.fetch(`${AT}/health`, { headers: { 'x-request-id': id } });
    expect(response.headers.get('x-request-id')).toBe(id);
  });

  it.each(['short', 'x'.repeat(65), 'with space', 'quote"quote', 'newline%0A', 'ümlautümlaut'])(
    'is made where the given one is not plain: %s',
    async (id) => {
      const { app } = createTinyService({ app: { newRequestId: () => 'made-here' } });
      const response = await app.fetch(`${AT}/health`, { headers: { 'x-request-id': id } });
      expect(response.headers.get('x-request-id')).toBe('made-here');
    },
  );
});

describe('the last resort', () => {
  it.each(['/throws', '/bad-header'])('masks and logs whatever fails at %s', async (path) => {
    const service = createTinyService();
    const response = await service.app.fetch(AT + path);
    expect(response.status).toBe(500);
    expect(await onlyError(response)).toEqual({
      message: 'Unexpected error.',
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
    expect(service.errors).toHaveLength(1);
    expect(service.logged).toMatchObject([{ path, status: 500 }]);
  });
});

describe('the log', () => {
  it('has one entry per request with what came of it, and nothing of the query string', async () => {
    const service = createTinyService({
      app: { trustedProxies: { kind: 'hops', count: 1 }, newRequestId: () => 'id-of-request' },
    });
    await post(service, { query: '{hello}' }, { 'x-forwarded-for': '6.6.6.6, 1.2.3.4' });
    await service.app.fetch(`${AT}/nowhere${'e'.repeat(1000)}?token=secret`);
    expect(service.logged).toEqual([
      {
        requestId: 'id-of-request',
        method: 'POST',
        path: '/graphql',
        status: 200,
        durationMs: expect.any(Number),
        clientAddress: '1.2.3.4',
        facts: { said: 'hello' },
      },
      expect.objectContaining({ path: expect.stringMatching(/^\/nowheree+$/), status: 404 }),
    ]);
    expect(JSON.stringify(service.logged)).not.toContain('secret');
    expect(service.logged[1]?.path.length).toBe(200);
  });
});

describe('a proxy that is not trusted', () => {
  const forwarded = (headers: Record<string, string>, from: string) => ({
    init: { headers },
    from: { remoteAddress: from },
  });

  /** Whom the service is told of, of those who send these requests. */
  async function toldOf(proxies: string, requests: ReturnType<typeof forwarded>[]) {
    const told: string[] = [];
    const { app } = createTinyService({
      app: {
        trustedProxies: parseTrustedProxies(proxies),
        untrustedProxy: (address) => told.push(address),
      },
    });
    for (const { init, from } of requests) await app.fetch(`${AT}/health`, init, from);
    return told;
  }

  it.each(['x-forwarded-for', 'x-real-ip', 'forwarded'])(
    'is told of once, for %s',
    async (name) => {
      const requests = ['10.0.0.1', '10.0.0.1', '10.0.0.2'].map((from) =>
        forwarded({ [name]: '1.2.3.4' }, from),
      );
      expect(await toldOf('', [forwarded({}, '10.0.0.9'), ...requests])).toEqual(['10.0.0.1']);
      expect(await toldOf('10.0.0.1', requests)).toEqual(['10.0.0.2']);
    },
  );

  it('is nobody where proxies are trusted, listed or counted', async () => {
    const requests = [forwarded({ 'x-forwarded-for': '1.2.3.4' }, '10.0.0.1')];
    expect(await toldOf('10.0.0.0/8', requests)).toEqual([]);
    expect(await toldOf('1', requests)).toEqual([]);
  });
});
