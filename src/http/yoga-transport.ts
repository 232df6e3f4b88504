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

/** What the GraphQL context may add to the HTTP answer. */
export interface Outgoing {
  /** Complete Set-Cookie values. */
  readonly setCookies: string[];
  /** Further headers, with lower-case names. */
  readonly headers: Record<string, string>;
}

/** What the way in hands to Yoga beside the request: the beginning of every GraphQL context. */
export interface ServerContext extends Record<string, unknown> {
  readonly http: HttpRequest;
  readonly outgoing: Outgoing;
}

/** As much of a Yoga server as is needed to ask it something. */
export type GraphqlServer = Pick<YogaServerInstance<ServerContext, object>, 'getResultForParams'>;

/**
 * The options of `createYoga` that belong to this way in. What Yoga would do about HTTP is done
 * before it (CORS, body size, media types, health) or is not offered (multipart, batches).
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
 * Runs one GraphQL request through Yoga's own pipeline, with all that plugins do about documents, contexts, executions
 * and results. Its way there from HTTP and back is left out: everything that it would do has been done before more
 * strictly, and it costs twice what the pipeline does.
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
  // Yoga asks a request for its method, to run no mutation by GET
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

/** The constructor that Yoga calls instead of Response's, and which keeps what it is given. */
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
 * Gives errors that stopped a request before it ran, such as variables of a wrong type, the status
 * that the specification asks for: 400 in `application/graphql-response+json`, 200 in
 * `application/json`. Yoga does so for the document, but not for all that comes after it.
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

// `spec` marks a status that a result in application/json does not have.
const REQUEST_ERROR = { status: 400, spec: true };

function isRequestError({ http, code }: GraphQLErrorExtensions): boolean {
  if (http?.status !== undefined) return http.status === REQUEST_ERROR.status;
  return code === undefined || code === 'BAD_USER_INPUT';
}
