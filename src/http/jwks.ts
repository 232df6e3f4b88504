import type { JWK } from 'jose';
import type { Route } from './exchange.ts';

/**
 * Publishes the public keys that verify access tokens (RFC 7517), for the APIs that trust this service.
 *
 * @param maxAgeSeconds how long a verifier may cache them; a new key is published longer than that before it signs
 */
export function createJwksRoute(publicKeys: () => Promise<JWK[]>, maxAgeSeconds: number): Route {
  return {
    async GET() {
      return {
        status: 200,
        headers: {
          'content-type': 'application/jwk-set+json; charset=utf-8',
          'cache-control': `public, max-age=${maxAgeSeconds}, stale-if-error=86400`,
          // pages of every origin may read public keys
          'access-control-allow-origin': '*',
          'cross-origin-resource-policy': 'cross-origin',
        },
        body: JSON.stringify({ keys: await publicKeys() }),
      };
    },
  };
}
