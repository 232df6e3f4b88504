import type { HttpHandler } from './exchange.ts';

// The page is one file with its scripts inline, so it needs what no other page of ours may have.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  "style-src 'unsafe-inline'",
  'worker-src blob:',
  "connect-src 'self'",
  "img-src 'self' data:",
  'font-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The GraphiQL page. It is served whole from here, and works without a network.
 *
 * @param examples operations that it opens with, one in each tab; a browser that was here before opens with its own tabs
 */
export function createGraphiqlPage(endpoint: string, examples: readonly string[]): HttpHandler {
  let page: Promise<string> | undefined;
  return async () => {
    page ??= renderPage(endpoint, examples);
    return {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': CONTENT_SECURITY_POLICY,
        vary: 'Accept',
      },
      body: await page,
    };
  };
}

async function renderPage(endpoint: string, examples: readonly string[]): Promise<string> {
  // nine megabytes that only those pay for who open the page
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return renderGraphiQL({
    title: 'Latchkey',
    endpoint,
    defaultQuery: examples[0] ?? '',
    defaultTabs: examples.map((query) => ({ query })),
    // so that a browser which signed in with cookies can be explored with
    additionalHeaders: { 'x-csrf-protection': '1' },
    credentials: 'same-origin',
  });
}
