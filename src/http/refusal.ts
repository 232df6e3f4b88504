import type { HttpResponse, ResponseHeaders } from './exchange.ts';
import { negotiateResultType } from './media-type.ts';

/** A request that is answered without reaching GraphQL, but in the shape of a GraphQL error. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** `BAD_USER_INPUT` by default. */
  readonly code?: string;
  readonly headers?: ResponseHeaders;
}

/**
 * Renders a refusal as a GraphQL error, so that clients can handle all failures in the same way. The media type follows
 * the Accept header; a client that accepts neither type still gets JSON.
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
