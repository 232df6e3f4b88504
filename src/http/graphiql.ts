import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { takesEncoding } from './accept-encoding.ts';
import type { HttpHandler, ResponseHeaders } from './exchange.ts';

interface Page {
  html: string;
  gzipped: Buffer<ArrayBuffer>;
  headers: ResponseHeaders;
}

/**
 * The GraphiQL page, with everything inlined, so that it works without internet access.
 *
 * @param examples operations to open, one per tab; a browser that has visited before restores its own tabs
 */
export function createGraphiqlPage(endpoint: string, examples: readonly string[]): HttpHandler {
  let rendering: Promise<Page> | undefined;
  return async ({ headers }) => {
    rendering ??= renderPage(endpoint, examples);
    const page = await rendering;
    if (!takesEncoding(headers['accept-encoding'] ?? '', 'gzip')) {
      return { status: 200, headers: page.headers, body: page.html };
    }
    const encoded = { ...page.headers, 'content-encoding': 'gzip' };
    return { status: 200, headers: encoded, body: page.gzipped };
  };
}

async function renderPage(endpoint: string, examples: readonly string[]): Promise<Page> {
  // nine megabytes, loaded only when somebody opens the page
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Latchkey',
    endpoint,
    defaultQuery: examples[0] ?? '',
    defaultTabs: examples.map((query) => ({ query })),
    // so that GraphiQL works in a browser that signed in with cookies
    additionalHeaders: { 'x-csrf-protection': '1' },
    credentials: 'same-origin',
  });
  const gzipped = Buffer.from(await promisify(gzip)(html));
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': contentSecurityPolicy(html),
  };
  return { html, gzipped, headers };
}

/** The page has one inline script, which starts workers from blobs. Only that script may run. */
function contentSecurityPolicy(html: string): string {
  const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
  const digest = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'sha256-${digest}'`,
    "style-src 'unsafe-inline'",
    'worker-src blob:',
    "connect-src 'self'",
    "img-src 'self' data:",
    'font-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
