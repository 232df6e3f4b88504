import type { HttpHandler, HttpRequest, HttpResponse, Route } from './exchange.ts';
import type { GraphqlParameters, ParsedParameters } from './graphql-parameters.ts';
import { parametersOfBody, parametersOfQuery } from './graphql-parameters.ts';
import { isJsonContentType, negotiateResultType } from './media-type.ts';
import type { Refusal } from './refusal.ts';
import { refuse } from './refusal.ts';
import { askYoga, type GraphqlServer } from './yoga-transport.ts';

/** The parts of the endpoint. */
export interface GraphqlEndpointOptions {
  readonly yoga: GraphqlServer;
  /** Answers browsers that open the endpoint, if GraphiQL is on. */
  readonly page?: HttpHandler | undefined;
  /** Whether to pass `extensions.persistedQuery` on to Yoga, for a plugin that supports it. */
  readonly persistedQueries?: boolean;
}

const WRONG_CONTENT_TYPE: Refusal = {
  status: 415,
  message: 'GraphQL requests must have the header "Content-Type: application/json".',
  headers: { 'accept-post': 'application/json' },
};

const NOT_ACCEPTABLE: Refusal = {
  status: 406,
  message:
    'Answers come as application/graphql-response+json or application/json. Name one of them in the Accept header.',
};

// On this code the persisted-query links of Apollo and urql retry with the full query.
const NO_PERSISTED_QUERIES: Refusal = {
  status: 400,
  message: 'Persisted queries are not supported. Send the full "query" without "persistedQuery".',
  code: 'PERSISTED_QUERY_NOT_SUPPORTED',
};

const NO_STREAMS: Refusal = {
  status: 406,
  message: 'The answer to this operation would be a stream, which is not supported.',
};

/**
 * Makes the GraphQL endpoint: POST with a JSON body, GET for queries. It runs all checks that do not need the parsed
 * document, cheapest first.
 */
export function createGraphqlEndpoint(options: GraphqlEndpointOptions): Route {
  const { page, persistedQueries = false } = options;
  // A Yoga server is a proxy that re-binds its methods at every access.
  const yoga: GraphqlServer = { getResultForParams: options.yoga.getResultForParams };

  async function run(request: HttpRequest, parsed: ParsedParameters): Promise<HttpResponse> {
    const { accept } = request.headers;
    const resultType = negotiateResultType(accept);
    if (resultType === undefined) return refuse(NOT_ACCEPTABLE, accept);
    if (!('parameters' in parsed)) return refuse(parsed, accept);
    if (!persistedQueries && namesPersistedQuery(parsed.parameters)) {
      return refuse(NO_PERSISTED_QUERIES, accept);
    }
    const answer = await askYoga(yoga, request, parsed.parameters, resultType);
    return answer ?? refuse(NO_STREAMS, accept);
  }

  const post: HttpHandler = (request) => {
    const isJson = isJsonContentType(request.headers['content-type']);
    return run(request, isJson ? parametersOfBody(request.body) : WRONG_CONTENT_TYPE);
  };

  const get: HttpHandler = (request) => {
    if (page !== undefined && request.headers.accept?.includes('text/html')) {
      return page(request);
    }
    return run(request, parametersOfQuery(request.url.slice(request.path.length)));
  };

  return { GET: get, POST: post };
}

function namesPersistedQuery(parameters: GraphqlParameters): boolean {
  return parameters.extensions !== undefined && 'persistedQuery' in parameters.extensions;
}
