import type { RequestHeaders } from './exchange.ts';

// A page of another origin can send none of these without asking first (CORS preflight), and we say no.
const NON_SIMPLE_HEADERS = [
  'x-csrf-protection',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  'x-graphql-yoga-csrf',
  'graphql-require-preflight',
];

/**
 * Whether a request that browsers authenticate by themselves, with a cookie, was meant by a page of ours: it has a header
 * that only a page which may read our answers can send, and names an origin of ours if it names any.
 *
 * @param origins those that may use cookies, such as `https://app.example.com`
 */
export function isFromOurPages(headers: RequestHeaders, origins: ReadonlySet<string>): boolean {
  if (!NON_SIMPLE_HEADERS.some((name) => headers[name])) return false;
  const { origin } = headers;
  if (origin !== undefined) return origins.has(origin);
  // some browsers leave Origin out of a GET; then this says as much
  return headers['sec-fetch-site'] !== 'cross-site';
}
