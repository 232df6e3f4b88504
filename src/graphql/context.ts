import type { Client } from '../client.ts';
import { authenticate, type Viewer } from '../flows/authentication.ts';
import type { Deps } from '../flows/deps.ts';
import type { ServerContext } from '../http/yoga-transport.ts';
import type { RateLimiter } from './rate-limit.ts';
import { type PresentedTokens, readTokens } from './token-delivery.ts';

/** What every resolver receives. */
export interface Context extends ServerContext {
  readonly deps: Deps;
  readonly client: Client;
  readonly rateLimiter: RateLimiter;
  /** The signed-in user. A sign-in sets it, so that the rest of the same request is resolved for that user. */
  viewer: Viewer | null;
  /** Whether this request has exported somebody's data: repeating it under aliases would multiply its cost. */
  hasExported: boolean;
  /** The tokens that the request carries. */
  readonly presented: PresentedTokens;
  /** Whether the request had credentials, and whether they were valid. */
  readonly credentials: 'none' | 'accepted' | 'rejected';
}

/** The context of resolvers that only signed-in users reach. */
export interface SignedInContext extends Context {
  viewer: Viewer;
}

const USER_AGENT_LENGTH = 255;

/**
 * Makes the context of a request. An invalid access token is not an error here; the viewer is then anonymous.
 *
 * @throws {RequestError} CSRF_REJECTED
 */
export async function createContext(
  deps: Deps,
  rateLimiter: RateLimiter,
  server: ServerContext,
): Promise<Omit<Context, keyof ServerContext>> {
  const presented = readTokens(server.http, deps.config);
  const token = presented.access;
  const viewer = token === null ? null : await authenticate(deps, token);
  if (token !== null && viewer === null) deps.metrics?.tokenRefused();
  if (viewer !== null) server.http.facts.userId = viewer.user.id;
  return {
    deps,
    rateLimiter,
    presented,
    viewer,
    hasExported: false,
    credentials: token === null ? 'none' : viewer === null ? 'rejected' : 'accepted',
    client: {
      ipAddress: server.http.clientAddress,
      userAgent: server.http.headers['user-agent']?.slice(0, USER_AGENT_LENGTH) ?? null,
      requestId: server.http.requestId,
    },
  };
}
