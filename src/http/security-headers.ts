/** Should a browser ever render an API answer, it may load, frame and submit nothing. */
const API_POLICY =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// Two years, as the browsers' preload lists recommend.
const STRICT_TRANSPORT_SECURITY = 'max-age=63072000; includeSubDomains';

/**
 * The headers of every answer. A route's own headers override them: GraphiQL needs a different policy, and public keys
 * may be cached.
 */
export function createSecurityHeaders(options: {
  /**
   * Whether the public URL is https and not localhost. Browsers ignore HSTS over plain HTTP, and on localhost it would
   * affect other services.
   */
  readonly https: boolean;
}): Readonly<Record<string, string>> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': API_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(options.https && { 'strict-transport-security': STRICT_TRANSPORT_SECURITY }),
  };
}
