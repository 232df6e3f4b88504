/** Nothing may be loaded, framed or submitted from an API answer, should a browser ever render one. */
const API_POLICY =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// Two years, as the browsers' preload lists ask for.
const STRICT_TRANSPORT_SECURITY = 'max-age=63072000; includeSubDomains';

/**
 * The headers of every answer. A route's own headers override them: GraphiQL brings a policy under
 * which it works, public keys may be cached.
 */
export function createSecurityHeaders(options: {
  /** Whether the public URL is https; browsers ignore HSTS on plain HTTP, and localhost must not get it. */
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
