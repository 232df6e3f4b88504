import type { RequestHeaders, ResponseHeaders } from './exchange.ts';

/** What cross-origin scripts may do; by default nothing. */
export interface CorsPolicy {
  /** The CORS headers of any answer to this Origin. */
  headers(origin: string | undefined): ResponseHeaders;
  /** The CORS headers of the answer to a preflight, for a path that allows these methods. */
  preflight(request: RequestHeaders, methods: string): ResponseHeaders;
}

const ALLOWED_HEADERS = [
  'content-type',
  'authorization',
  'x-csrf-protection',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  'x-graphql-yoga-csrf',
  'graphql-require-preflight',
  'x-request-id',
  'traceparent',
  'tracestate',
  'apollographql-client-name',
  'apollographql-client-version',
].join(', ');

const NOTHING: ResponseHeaders = {};

/**
 * Makes the policy for an exact list of origins. No other origin is ever named in an answer: there are no wildcards,
 * patterns or reflected origins, because an origin that may read answers with credentials may act as the user.
 *
 * @param refused called once, with the first unlisted origin that sends a preflight: its developer's browser explains
 *   next to nothing
 * @throws when an entry of the list is not an origin
 */
export function createCors(
  origins: readonly string[],
  refused?: (origin: string) => void,
): CorsPolicy {
  const listed = new Set(origins.map(checkOrigin));
  let tell = refused;
  // Sent whether or not the origin is listed: a cache must not serve one origin's answer to another.
  const others: ResponseHeaders = listed.size === 0 ? NOTHING : { vary: 'Origin' };

  function headersFor(origin: string | undefined): ResponseHeaders {
    if (origin === undefined || !listed.has(origin)) return others;
    return {
      ...others,
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-request-id, retry-after',
    };
  }

  function preflight(request: RequestHeaders, methods: string): ResponseHeaders {
    const { origin } = request;
    if (origin === undefined) return others;
    if (!listed.has(origin)) {
      tell?.(origin);
      tell = undefined;
      return others;
    }
    return {
      ...headersFor(origin),
      'access-control-allow-methods': methods,
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': '600',
    };
  }

  return { headers: headersFor, preflight };
}

function checkOrigin(origin: string): string {
  // This also rejects `*`, `null` and anything with a path, none of which could ever equal an Origin header.
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new Error(
      `CORS: "${origin}" is not an origin. Write it as a browser sends it: https://app.example.com`,
    );
  }
  return origin;
}
