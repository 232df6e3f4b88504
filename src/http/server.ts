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

/** What one request came to. */
export interface RequestLogEntry {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientAddress: string;
  /** What the handler had to say. */
  readonly facts: RequestFacts;
}

/** Sees a request through to its answer. */
export type Around = (
  request: HttpRequest,
  answer: () => Promise<HttpResponse>,
) => Promise<HttpResponse>;

/** What the HTTP side of the service is made of. */
export interface HttpAppOptions {
  /** By exact path. */
  readonly routes: Readonly<Record<string, Route>>;
  /** What answers the other paths, where there is something at them. */
  readonly pages?: ((request: HttpRequest) => Route | undefined) | undefined;
  readonly securityHeaders: Readonly<Record<string, string>>;
  readonly cors: CorsPolicy;
  readonly limits?: BodyLimits;
  readonly trustedProxies?: TrustedProxies;
  /** Whether browsers reach the service over HTTPS. */
  readonly secure?: boolean;
  readonly newRequestId?: () => string;
  /** Put around the answering of every request. */
  readonly around?: Around | undefined;
  /** Told once of the address of the first who forwards requests and is not trusted. */
  readonly untrustedProxy?: ((address: string) => void) | undefined;
  /** Told of every answer. */
  readonly log?: (entry: RequestLogEntry) => void;
  /** Told of every throw that became a 500. One that says when to come again became a 503. */
  readonly logError: (error: unknown, requestId: string) => void;
}

/** The service as HTTP: one path for sockets and for tests without one. */
export interface HttpApp {
  fetch(input: Request | string | URL, init?: RequestInit, from?: FetchOrigin): Promise<Response>;
  handler(req: IncomingMessage, res: ServerResponse, connection?: Connection): void;
}

// Log lines and answers carry it: no spaces, quotes or control characters, and no novels.
const REQUEST_ID = /^[\w.:-]{8,64}$/;

const LOGGED_PATH_LENGTH = 200;

const UNEXPECTED: Refusal = {
  status: 500,
  message: 'Unexpected error.',
  code: 'INTERNAL_SERVER_ERROR',
};

/** Puts the routes behind what holds for every request: a request id, bounds, headers, a log line, a last resort. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { routes, pages, cors, limits = DEFAULT_BODY_LIMITS, log, logError } = options;
  const route = createRouter({ routes, pages, cors, limits });
  const { around = (_request, answer) => answer() } = options;
  const lookOut = lookOutForProxies(options);

  /** Answers a request by `send`; whatever goes wrong on the way, the client gets an answer and the log the reason. */
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

/** Whoever came while the database was away, or busy, is told when to come again. What else went wrong is not for them. */
function refusalOf(error: unknown): Refusal {
  const known = requestErrorIn(error);
  if (known?.retryAfter === undefined) return UNEXPECTED;
  const { message, code, retryAfter } = known;
  return { status: 503, message, code, headers: { 'retry-after': String(retryAfter) } };
}

/** Says once that somebody forwards requests who is not believed: mostly a proxy that was forgotten in TRUSTED_PROXIES. */
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
  // Measured: a spread of all of them costs five microseconds more.
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
