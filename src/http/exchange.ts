import type { Readable } from 'node:stream';

/** Request headers with lower-case names, as Node gives them: a repeated one is joined, or its first value kept. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** What a handler wants the request's log line to say; never a secret. */
export type RequestFacts = Record<string, string | number | boolean | null>;

/** A request as it comes in, from a socket or a test. */
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

/** A request as handlers see it: its body read, bounded and decoded. */
export interface HttpRequest extends Omit<IncomingRequest, 'stream'> {
  readonly path: string;
  /** The client's address, counted back over the trusted proxies. */
  readonly clientAddress: string;
  readonly requestId: string;
  /** Whether browsers reach the service over HTTPS. */
  readonly secure: boolean;
  readonly facts: RequestFacts;
  /** Empty until the router has read it, and for methods that have none. */
  body: string;
}

/** Response headers with lower-case names; several values make several header lines. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

/** A complete answer: nothing of this service is streamed. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** Answers one request. A throw becomes a masked 500, or a 503 when it says when to come again. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** The handlers of one path by method. HEAD is answered by GET's, OPTIONS by the router. */
export interface Route {
  readonly GET?: HttpHandler;
  readonly POST?: HttpHandler;
}
