import type { RequestHeaders } from './exchange.ts';

// A page of another origin can send none of these without a CORS preflight, which we refuse.
const NON_SIMPLE_HEADERS = [
  'x-csrf-protection',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  'x-graphql-yoga-csrf',
  'graphql-require-preflight',
];

/**
 * Whether a request authenticated by cookie was really sent by one of our pages: it has a header that only a page
 * allowed by CORS can send, and its Origin, if any, is one of ours.
 *
 * @param origins those that may use cookies, such as `https://app.example.com`
 */
export function isFromOurPages(headers: RequestHeaders, origins: ReadonlySet<string>): boolean {
  if (!NON_SIMPLE_HEADERS.some((name) => headers[name])) return false;
  const { origin } = headers;
  if (origin !== undefined) return origins.has(origin);
  // some browsers omit Origin from a GET; Sec-Fetch-Site then tells as much
  return headers['sec-fetch-site'] !== 'cross-site';
}
