import type { Readable } from 'node:stream';

/**
 * Request headers with lower-case names, as Node delivers them: repeated headers are joined, or only the first is kept.
 */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** Facts that a handler adds to the request's log line; never a secret. */
export type RequestFacts = Record<string, string | number | boolean | null>;

/** A request as received, from a socket or a test. */
export interface IncomingRequest {
  readonly method: string;
  /** Origin form: path and query. */
  readonly url: string;
  readonly headers: RequestHeaders;
  /** The socket's address: the client's, or the nearest proxy's. */
  readonly remoteAddress: string;
  /** The body, not yet read. */
  readonly stream: Readable;
}

/** A request as handlers see it: its body read, decoded and limited in size. */
export interface HttpRequest extends Omit<IncomingRequest, 'stream'> {
  readonly path: string;
  /** The client's address, determined from X-Forwarded-For as far as proxies are trusted. */
  readonly clientAddress: string;
  readonly requestId: string;
  /** Whether browsers reach the service over HTTPS. */
  readonly secure: boolean;
  readonly facts: RequestFacts;
  /** Empty until the router has read it, and for methods without a body. */
  body: string;
}

/** Response headers with lower-case names; an array becomes one header line per value. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

/** A complete answer. This service streams nothing. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** Answers one request. A thrown error becomes a masked 500, or a 503 if it is a RequestError with `retryAfter`. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** The handlers of one path by method. HEAD is answered by the GET handler, OPTIONS by the router. */
export interface Route {
  readonly GET?: HttpHandler;
  readonly POST?: HttpHandler;
}
