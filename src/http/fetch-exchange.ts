import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { HttpResponse, IncomingRequest } from './exchange.ts';

/** The client that a request without a socket pretends to come from. */
export interface FetchOrigin {
  readonly remoteAddress?: string;
}

/** Converts a WHATWG Request. */
export function incomingOfFetch(request: Request, from: FetchOrigin = {}): IncomingRequest {
  const { pathname, search } = new URL(request.url);
  const stream =
    request.body === null ? Readable.from([]) : Readable.fromWeb(request.body as ReadableStream);
  // The body reader reports an aborted body itself; without a listener the error would be fatal.
  stream.on('error', () => undefined);
  return {
    method: request.method,
    url: pathname + search,
    headers: Object.fromEntries(request.headers),
    remoteAddress: from.remoteAddress ?? '127.0.0.1',
    stream,
  };
}

/** Converts an answer to a WHATWG Response. */
export function responseOfFetch(answer: HttpResponse, method: string): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const line of typeof value === 'string' ? [value] : value) headers.append(name, line);
  }
  const hasBody = answer.status !== 204 && method !== 'HEAD';
  return new Response(hasBody ? answer.body : null, { status: answer.status, headers });
}
