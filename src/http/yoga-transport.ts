import type { GraphQLErrorExtensions } from 'graphql';
import {
  type FetchAPI,
  type GraphQLParams,
  type Plugin,
  processRegularResult,
  type YogaServerInstance,
  type YogaServerOptions,
} from 'graphql-yoga';
import type { HttpRequest, HttpResponse } from './exchange.ts';
import type { GraphqlParameters } from './graphql-parameters.ts';
import type { ResultType } from './media-type.ts';

/** What GraphQL resolvers may add to the HTTP answer. */
export interface Outgoing {
  /** Complete Set-Cookie values. */
  readonly setCookies: string[];
  /** Further headers, keyed by lower-case name. */
  readonly headers: Record<string, string>;
}

/** What the HTTP layer passes to Yoga beside the request: the initial part of every GraphQL context. */
export interface ServerContext extends Record<string, unknown> {
  readonly http: HttpRequest;
  readonly outgoing: Outgoing;
}

/** The part of a Yoga server that is needed to run operations. */
export type GraphqlServer = Pick<YogaServerInstance<ServerContext, object>, 'getResultForParams'>;

/**
 * The options for `createYoga` that fit this transport. What Yoga would do about HTTP either happens before (CORS, body
 * size, media types, health) or is not supported (multipart, batching).
 */
export const yogaTransportOptions = {
  batching: false,
  cors: false,
  graphiql: false,
  landingPage: false,
  maxRequestBodySize: false,
  multipart: false,
} as const satisfies YogaServerOptions<ServerContext, Record<string, unknown>>;

/**
 * Runs one GraphQL request through Yoga's own pipeline, including what plugins do with documents, contexts, executions
 * and results. Only Yoga's HTTP layer is bypassed: all it does has been done before, more strictly, and it costs twice
 * as much as the pipeline.
 *
 * @returns `null` when the answer would be a stream
 */
export async function askYoga(
  yoga: GraphqlServer,
  http: HttpRequest,
  parameters: GraphqlParameters,
  resultType: ResultType,
): Promise<HttpResponse | null> {
  const outgoing: Outgoing = { setCookies: [], headers: {} };
  // Yoga reads the method, to reject mutations sent by GET
  const request = { method: http.method === 'POST' ? 'POST' : 'GET' } as Request;
  const params = parameters as GraphQLParams;
  const result = await yoga.getResultForParams({ params, request }, { http, outgoing });
  if (result === undefined || Symbol.asyncIterator in result) return null;
  const response = processRegularResult(result, PLAIN, resultType) as unknown as PlainResponse;
  return answerOf(response, outgoing);
}

interface PlainResponse {
  status: number;
  text: string;
  headers: Readonly<Record<string, string>>;
}

/** Yoga calls this constructor in place of Response's; it just stores its arguments. */
function PlainResponse(
  this: PlainResponse,
  body?: string | null,
  init?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> },
): void {
  this.status = init?.status ?? 200;
  this.text = body ?? '';
  this.headers = init?.headers ?? {};
}

const PLAIN = { Response: PlainResponse } as unknown as FetchAPI;

function answerOf({ status, headers, text }: PlainResponse, outgoing: Outgoing): HttpResponse {
  const complete: Record<string, string | readonly string[]> = {};
  for (const name in headers) complete[name.toLowerCase()] = headers[name] ?? '';
  Object.assign(complete, outgoing.headers);
  if (outgoing.setCookies.length > 0) complete['set-cookie'] = outgoing.setCookies;
  return { status, headers: complete, body: text };
}

/**
 * Sets the status that the specification requires for errors that stopped a request before execution, such as variables
 * of a wrong type: 400 in `application/graphql-response+json`, 200 in `application/json`. Yoga does so for errors in
 * the document, but not for later ones.
 */
export function useRequestErrorStatus(): Plugin {
  return {
    onExecutionResult({ result }) {
      if (result === undefined || !('errors' in result) || 'data' in result) return;
      for (const { extensions } of result.errors ?? []) {
        if (isRequestError(extensions)) extensions.http = { ...extensions.http, ...REQUEST_ERROR };
      }
    },
  };
}

// `spec` marks a status that does not apply to results in application/json.
const REQUEST_ERROR = { status: 400, spec: true };

function isRequestError({ http, code }: GraphQLErrorExtensions): boolean {
  if (http?.status !== undefined) return http.status === REQUEST_ERROR.status;
  return code === undefined || code === 'BAD_USER_INPUT';
}
