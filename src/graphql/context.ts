import type { Client } from '../client.ts';
import { authenticate, type Viewer } from '../flows/authentication.ts';
import type { Deps } from '../flows/deps.ts';
import type { ServerContext } from '../http/yoga-transport.ts';
import type { RateLimiter } from './rate-limit.ts';
import { type PresentedTokens, readTokens } from './token-delivery.ts';

/** What every resolver is given. */
export interface Context extends ServerContext {
  readonly deps: Deps;
  readonly client: Client;
  readonly rateLimiter: RateLimiter;
  /** Who is signed in. A sign-in sets it, so that the rest of the same request is answered to the one who signed in. */
  viewer: Viewer | null;
  /** Whether somebody's data was exported for this request: twenty times under aliases it would be twenty times as much. */
  hasExported: boolean;
  /** What the request carries besides the access token. */
  readonly presented: PresentedTokens;
  /** Whether the request came with credentials, and whether they were good. */
  readonly credentials: 'none' | 'accepted' | 'rejected';
}

/** The context behind a scope that only signed-in users pass. */
export interface SignedInContext extends Context {
  viewer: Viewer;
}

const USER_AGENT_LENGTH = 255;

/**
 * Makes the context of a request. A bad token is no failure here: it makes an anonymous viewer.
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
