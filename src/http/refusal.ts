import type { HttpResponse, ResponseHeaders } from './exchange.ts';
import { negotiateResultType } from './media-type.ts';

/** A request that is answered before, or instead of, GraphQL: in the shape of a GraphQL error all the same. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** `BAD_USER_INPUT` unless told. */
  readonly code?: string;
  readonly headers?: ResponseHeaders;
}

/**
 * Renders a refusal as a GraphQL error, so that clients need one way of reading failures. The
 * request's Accept header decides the media type; a client that accepts neither still gets JSON.
 */
export function refuse(refusal: Refusal, accept: string | undefined): HttpResponse {
  const code = refusal.code ?? 'BAD_USER_INPUT';
  const mediaType = negotiateResultType(accept) ?? 'application/json';
  return {
    status: refusal.status,
    headers: { ...refusal.headers, 'content-type': `${mediaType}; charset=utf-8` },
    body: JSON.stringify({ errors: [{ message: refusal.message, extensions: { code } }] }),
  };
}
