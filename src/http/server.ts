import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requestErrorIn } from '../errors.ts';
import { type BodyLimits, DEFAULT_BODY_LIMITS } from './body.ts';
import {
  clientAddress,
  isForwardedByStranger,
  NO_TRUSTED_PROXIES,
  type TrustedProxies,
} from './client-address.ts';
import type { Connection } from './connection.ts';
import type { CorsPolicy } from './cors.ts';
import type {
  HttpRequest,
  HttpResponse,
  IncomingRequest,
  RequestFacts,
  Route,
} from './exchange.ts';
import { type FetchOrigin, incomingOfFetch, responseOfFetch } from './fetch-exchange.ts';
import { incomingOfNode, refusalOfHead, sendAnswer } from './node-exchange.ts';
import { type Refusal, refuse } from './refusal.ts';
import { createRouter } from './router.ts';

/** The summary of one request, for its log line. */
export interface RequestLogEntry {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientAddress: string;
  /** Facts added by the handler. */
  readonly facts: RequestFacts;
}

/** Wraps the handling of a request. */
export type Around = (
  request: HttpRequest,
  answer: () => Promise<HttpResponse>,
) => Promise<HttpResponse>;

/** The parts of the HTTP side of the service. */
export interface HttpAppOptions {
  /** Keyed by exact path. */
  readonly routes: Readonly<Record<string, Route>>;
  /** Finds the route of any other path, if the account pages are on. */
  readonly pages?: ((request: HttpRequest) => Route | undefined) | undefined;
  readonly securityHeaders: Readonly<Record<string, string>>;
  readonly cors: CorsPolicy;
  readonly limits?: BodyLimits;
  readonly trustedProxies?: TrustedProxies;
  /** Whether browsers reach the service over HTTPS. */
  readonly secure?: boolean;
  readonly newRequestId?: () => string;
  /** Wraps the handling of every request. */
  readonly around?: Around | undefined;
  /** Called once, with the address of the first untrusted sender of a forwarded request. */
  readonly untrustedProxy?: ((address: string) => void) | undefined;
  /** Called with a summary of every answered request. */
  readonly log?: (entry: RequestLogEntry) => void;
  /** Called with every error that became a 500. Those with `retryAfter` become a 503 and are not reported here. */
  readonly logError: (error: unknown, requestId: string) => void;
}

/** The service as an HTTP application: `handler` for sockets, and `fetch` for callers without one, such as tests. */
export interface HttpApp {
  fetch(input: Request | string | URL, init?: RequestInit, from?: FetchOrigin): Promise<Response>;
  handler(req: IncomingMessage, res: ServerResponse, connection?: Connection): void;
}

// Log lines and answers carry the id, so it has no spaces, quotes or control characters, and is short.
const REQUEST_ID = /^[\w.:-]{8,64}$/;

const LOGGED_PATH_LENGTH = 200;

const UNEXPECTED: Refusal = {
  status: 500,
  message: 'Unexpected error.',
  code: 'INTERNAL_SERVER_ERROR',
};

/**
 * Adds to the routes what every request gets: a request id, limits, headers, a log line, and an answer when something
 * fails.
 */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { routes, pages, cors, limits = DEFAULT_BODY_LIMITS, log, logError } = options;
  const route = createRouter({ routes, pages, cors, limits });
  const { around = (_request, answer) => answer() } = options;
  const lookOut = lookOutForProxies(options);

  /** Answers a request through `send`. Whatever fails on the way, the client gets an answer and the log the reason. */
  async function exchange<T>(
    incoming: IncomingRequest,
    send: (response: HttpResponse) => T,
    refusal?: Refusal,
  ): Promise<T> {
    const startedAt = performance.now();
    const request = requestOf(incoming, options);
    lookOut(incoming);
    let status = UNEXPECTED.status;
    try {
      const routed = await around(request, () =>
        refusal === undefined
          ? route(request, incoming.stream)
          : Promise.resolve(refuse(refusal, request.headers.accept)),
      );
      const response = complete(routed, request, options);
      const sent = send(response);
      status = response.status;
      return sent;
    } catch (error) {
      const refusal = refusalOf(error);
      status = refusal.status;
      if (refusal === UNEXPECTED) logError(error, request.requestId);
      return send(complete(refuse(refusal, request.headers.accept), request, options));
    } finally {
      log?.(entryOf(request, status, Math.round((performance.now() - startedAt) * 100) / 100));
    }
  }

  return {
    async fetch(input, init, from) {
      const request = new Request(input, init);
      const incoming = incomingOfFetch(request, from);
      return exchange(incoming, (response) => responseOfFetch(response, request.method));
    },
    handler(req, res, connection) {
      const incoming = incomingOfNode(req, connection);
      if (incoming === undefined) {
        res.destroy();
        return;
      }
      const send = (response: HttpResponse) => sendAnswer(req, res, response, connection);
      exchange(incoming, send, refusalOfHead(req)).catch((error) => {
        logError(error, 'unknown');
        res.destroy();
      });
    },
  };
}

/**
 * The answer to a thrown error: a 503 with Retry-After if it tells when to retry, as when the database is away or the
 * service is overloaded. Any other error is masked.
 */
function refusalOf(error: unknown): Refusal {
  const known = requestErrorIn(error);
  if (known?.retryAfter === undefined) return UNEXPECTED;
  const { message, code, retryAfter } = known;
  return { status: 503, message, code, headers: { 'retry-after': String(retryAfter) } };
}

/**
 * Reports once that requests are forwarded by an untrusted address: usually a proxy that is missing in TRUSTED_PROXIES.
 */
function lookOutForProxies(options: HttpAppOptions): (incoming: IncomingRequest) => void {
  const { trustedProxies = NO_TRUSTED_PROXIES } = options;
  let { untrustedProxy } = options;
  return (incoming) => {
    if (untrustedProxy === undefined || !isForwardedByStranger(incoming, trustedProxies)) return;
    untrustedProxy(incoming.remoteAddress);
    untrustedProxy = undefined;
  };
}

function requestOf(incoming: IncomingRequest, options: HttpAppOptions): HttpRequest {
  const { method, url, headers, remoteAddress } = incoming;
  const {
    secure = false,
    newRequestId = randomUUID,
    trustedProxies = NO_TRUSTED_PROXIES,
  } = options;
  const givenId = headers['x-request-id'];
  const forwardedFor = headers['x-forwarded-for'];
  const query = url.indexOf('?');
  return {
    method,
    url,
    path: query === -1 ? url : url.slice(0, query),
    headers,
    remoteAddress,
    clientAddress: clientAddress({ remoteAddress, forwardedFor }, trustedProxies),
    requestId: givenId !== undefined && REQUEST_ID.test(givenId) ? givenId : newRequestId(),
    secure,
    facts: {},
    body: '',
  };
}

function complete(
  response: HttpResponse,
  request: HttpRequest,
  { securityHeaders, cors }: HttpAppOptions,
): HttpResponse {
  // Measured: object spread costs five microseconds more.
  const headers: Record<string, string | readonly string[]> = Object.assign({}, securityHeaders);
  headers['x-request-id'] = request.requestId;
  Object.assign(headers, cors.headers(request.headers.origin), response.headers);
  if (response.status !== 204) {
    headers['content-length'] = String(Buffer.byteLength(response.body));
  }
  return { status: response.status, headers, body: response.body };
}

function entryOf(request: HttpRequest, status: number, durationMs: number): RequestLogEntry {
  const { requestId, method, clientAddress, facts } = request;
  const path = request.path.slice(0, LOGGED_PATH_LENGTH);
  return { requestId, method, path, status, durationMs, clientAddress, facts };
}
