import { tmpdir } from 'node:os';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPages } from '../../src/http/pages.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const FIRST_LOAD_BYTES = 150_000;

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});

afterAll(() => app.close());

function get(path: string, headers: Record<string, string> = BROWSER, method = 'GET') {
  return app.app.fetch(`http://localhost:4000${path}`, { method, headers });
}

/** The paths that a page names. */
function pathsIn(html: string): string[] {
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
}

describe('a visit', () => {
  it.each(['/', '/sign-in', '/admin/users/1', '/verify-email?from=mail'])(
    'to %s gets the page, which no cache keeps',
    async (path) => {
      const answer = await get(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await answer.text()).toContain('<title>Latchkey</title>');
    },
  );

  it('gets a policy that allows nothing inline and no frame', async () => {
    const answer = await get('/');
    expect(answer.headers.get('content-security-policy')?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    const html = await answer.text();
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/);
    expect(html.match(/<script[^>]*>[^<]*/g)).toHaveLength(1);
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    expect(html).not.toMatch(/%[A-Z_]+%/);
  });

  it('of programs gets no page where there is nothing', async () => {
    expect((await get('/nowhere', { accept: 'application/json' })).status).toBe(404);
    expect((await get('/nowhere', {})).status).toBe(404);
    expect((await get('/', {})).status).toBe(200);
    expect((await get('/sign-in', BROWSER, 'POST')).status).toBe(404);
  });

  it.each(['/dev/nothing', '/.well-known/nothing', '/assets/nothing.js', '/health/x', '/metrics'])(
    'to %s, which would be the service itself, gets no page',
    async (path) => expect((await get(path)).status).toBe(404),
  );

  it('leaves the service itself as it was', async () => {
    expect(await (await get('/health')).json()).toEqual({ status: 'ok' });
    expect((await get('/.well-known/jwks.json')).headers.get('content-type')).toContain('jwk-set');
    expect(await (await get('/graphql')).text()).toContain('GraphiQL');
    expect(await app.gql('{ me { id } }')).toEqual({ data: { me: null } });
  });
});

describe('files', () => {
  it('are kept for ever under names that change with them', async () => {
    const paths = pathsIn(await (await get('/')).text());
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) {
      const answer = await get(path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('cache-control'), path).toContain('immutable');
      expect(path).toMatch(/^\/(assets\/[\w-]+-[\w-]{8}\.\w+|brand\.css\?[0-9a-f]{8})$/);
    }
  });

  it('come compressed, as the browser understands it', async () => {
    for (const path of pathsIn(await (await get('/')).text())) {
      const plain = Buffer.from(await (await get(path, {})).arrayBuffer());
      const gzip = await get(path, { 'accept-encoding': 'gzip, deflate' });
      expect(gzip.headers.get('content-encoding')).toBe('gzip');
      expect(gunzipSync(await gzip.arrayBuffer()).equals(plain)).toBe(true);
      const brotli = await get(path, { 'accept-encoding': 'gzip, deflate, br' });
      expect(brotli.headers.get('content-encoding')).toBe('br');
      expect(brotli.headers.get('vary')).toContain('accept-encoding');
      expect(brotliDecompressSync(await brotli.arrayBuffer()).equals(plain)).toBe(true);
      const neither = await get(path, { 'accept-encoding': 'br;q=0, gzip;q=0' });
      expect(neither.headers.get('content-encoding')).toBeNull();
      expect(Buffer.from(await neither.arrayBuffer()).equals(plain)).toBe(true);
    }
  });

  it(`are less than ${FIRST_LOAD_BYTES} bytes for the first page, gzipped`, async () => {
    const html = await (await get('/')).text();
    let bytes = 0;
    for (const path of ['/', ...pathsIn(html)]) {
      const answer = await get(path, { ...BROWSER, 'accept-encoding': 'gzip' });
      bytes += (await answer.arrayBuffer()).byteLength;
    }
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
    expect(bytes).toBeGreaterThan(20_000);
  });
});

describe('the operator', () => {
  it('has the name, colour and picture of their brand shown', async () => {
    const branded = await createTestApp({
      env: {
        BRAND_NAME: 'Lib & <Co>',
        BRAND_COLOR: '#ffcc00',
        BRAND_LOGO_URL: 'https://www.example.com/logo.svg?size=2',
        REGISTRATION: 'closed',
        PASSWORD_MIN_LENGTH: '12',
      },
    });
    const page = await branded.app.fetch('http://localhost:4000/', { headers: BROWSER });
    const html = await page.text();
    expect(html).toContain('<title>Lib &amp; &lt;Co&gt;</title>');
    expect(html).toContain('content="https://www.example.com/logo.svg?size=2"');
    expect(html).toContain('name="latchkey-registration" content="closed"');
    expect(html).toContain('name="latchkey-password-length" content="12"');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("img-src 'self' data: https://www.example.com;");
    const style = await branded.app.fetch('http://localhost:4000/brand.css');
    expect(await style.text()).toContain('--brand:#ffcc00;--on-brand:#000000;');
    await branded.close();
  });

  it('may reach the service below a path', async () => {
    const below = await createTestApp({ env: { PUBLIC_URL: 'https://example.com/auth/' } });
    const page = await below.app.fetch('http://localhost:4000/', { headers: BROWSER });
    const html = await page.text();
    expect(html).toContain('name="latchkey-base" content="/auth"');
    for (const path of pathsIn(html)) expect(path).toMatch(/^\/auth\/(assets|brand)/);
    await below.close();
  });

  it('may have the API only', async () => {
    const bare = await createTestApp({ env: { WEB: 'off' } });
    for (const path of ['/', '/sign-in', '/brand.css']) {
      const answer = await bare.app.fetch(`http://localhost:4000${path}`, { headers: BROWSER });
      expect(answer.status).toBe(404);
    }
    await bare.close();
  });
});

it('are none where they were not built', () => {
  const brand = { name: 'Ours', logoUrl: undefined, color: '#123456' };
  const publicUrl = 'http://localhost:4000';
  expect(createPages({ directory: tmpdir(), publicUrl, brand })).toBeUndefined();
});
