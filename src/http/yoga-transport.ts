import type { GraphQLErrorExtensions } from 'graphql';
import type { Plugin, YogaServerOptions } from 'graphql-yoga';
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
export interface GraphqlServer {
  fetch(request: Request, ...context: Partial<ServerContext>[]): Response | Promise<Response>;
}

const GRAPHQL_PATH = '/graphql';

/**
 * The options of `createYoga` that belong to this way in. What Yoga would do about HTTP is done
 * before it (CORS, body size, media types, health) or is not offered (multipart, batches).
 */
export const yogaTransportOptions = {
  graphqlEndpoint: GRAPHQL_PATH,
  batching: false,
  cors: false,
  graphiql: false,
  landingPage: false,
  maxRequestBodySize: false,
  multipart: false,
  fetchAPI: { Response: PlainResponse as unknown as typeof Response },
} as const satisfies YogaServerOptions<ServerContext, Record<string, unknown>>;

// Given beside the context, because Yoga derives a lone context object by prototype: then every
// request's context has a shape of its own, and all code that touches it runs at half speed.
const NO_MORE_CONTEXT = {};

const PARSED_URL = { pathname: GRAPHQL_PATH };

/**
 * Runs one GraphQL request through Yoga. Building a WHATWG Request and Response costs four times
 * what Yoga itself does, so it gets an object with just the members it reads.
 */
export async function askYoga(
  yoga: GraphqlServer,
  http: HttpRequest,
  parameters: GraphqlParameters,
  resultType: ResultType,
): Promise<HttpResponse> {
  const outgoing: Outgoing = { setCookies: [], headers: {} };
  const request = requestLike(http, parameters, resultType) as unknown as Request;
  const response = await yoga.fetch(request, { http, outgoing }, NO_MORE_CONTEXT);
  return answerOf(isPlain(response) ? response : await plainOf(response), outgoing);
}

function requestLike(http: HttpRequest, parameters: GraphqlParameters, resultType: ResultType) {
  const isGet = http.method !== 'POST';
  return {
    method: isGet ? 'GET' : 'POST',
    url: isGet ? `${GRAPHQL_PATH}?${searchOf(parameters)}` : GRAPHQL_PATH,
    parsedUrl: PARSED_URL,
    headers: {
      // Both have been judged more strictly than Yoga does; it gets the outcome.
      get(name: string): string | null {
        if (name === 'content-type') return 'application/json';
        if (name === 'accept') return resultType;
        return http.headers[name] ?? null;
      },
    },
    json: () => parameters,
    text: () => http.body,
  };
}

function searchOf({ query, operationName, variables, extensions }: GraphqlParameters): string {
  const search = new URLSearchParams({ query });
  if (operationName !== undefined) search.set('operationName', operationName);
  if (variables !== undefined) search.set('variables', JSON.stringify(variables));
  if (extensions !== undefined) search.set('extensions', JSON.stringify(extensions));
  return search.toString();
}

interface PlainResponse {
  status: number;
  text: string;
  plainHeaders: Readonly<Record<string, string>> | undefined;
  upgradedHeaders: Headers | undefined;
}

/** The constructor that Yoga calls instead of Response's: keeps what it is given, until somebody asks for more. */
function PlainResponse(
  this: PlainResponse,
  body?: string | null,
  init?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> },
): void {
  this.status = init?.status ?? 200;
  this.text = body ?? '';
  this.plainHeaders = init?.headers;
  this.upgradedHeaders = undefined;
}

// A plugin that looks at the headers of a response gets real ones.
Object.defineProperty(PlainResponse.prototype, 'headers', {
  get(this: PlainResponse): Headers {
    this.upgradedHeaders ??= new Headers(this.plainHeaders);
    return this.upgradedHeaders;
  },
});

function isPlain(response: Response | PlainResponse): response is PlainResponse {
  return typeof response.text === 'string';
}

function answerOf(response: PlainResponse, outgoing: Outgoing): HttpResponse {
  const headers: Record<string, string | readonly string[]> = {};
  if (response.upgradedHeaders === undefined) {
    for (const name in response.plainHeaders) {
      headers[name.toLowerCase()] = response.plainHeaders[name] ?? '';
    }
  } else {
    for (const [name, value] of response.upgradedHeaders) headers[name] = value;
  }
  Object.assign(headers, outgoing.headers);
  if (outgoing.setCookies.length > 0) headers['set-cookie'] = outgoing.setCookies;
  return { status: response.status, headers, body: response.text };
}

/** A plugin may also answer with a real Response. */
async function plainOf(response: Response): Promise<PlainResponse> {
  const { status, headers } = response;
  return { status, text: await response.text(), plainHeaders: undefined, upgradedHeaders: headers };
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
