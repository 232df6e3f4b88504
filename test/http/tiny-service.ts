import { createSchema, createYoga, type Plugin } from 'graphql-yoga';
import { createCors } from '../../src/http/cors.ts';
import { createGraphqlEndpoint, type GraphqlEndpointOptions } from '../../src/http/graphql.ts';
import { createHealthRoute } from '../../src/http/health.ts';
import { createSecurityHeaders } from '../../src/http/security-headers.ts';
import {
  createHttpApp,
  type HttpApp,
  type HttpAppOptions,
  type RequestLogEntry,
} from '../../src/http/server.ts';
import {
  type ServerContext,
  useRequestErrorStatus,
  yogaTransportOptions,
} from '../../src/http/yoga-transport.ts';

/** The whole of src/http around a schema with nothing behind it. */
export interface TinyService {
  readonly app: HttpApp;
  readonly logged: RequestLogEntry[];
  readonly errors: unknown[];
  /** How many mutations have been executed. */
  mutations(): number;
  /** The context of the latest resolver call. */
  context(): ServerContext | undefined;
}

export interface TinyServiceOptions {
  readonly app?: Partial<HttpAppOptions>;
  readonly endpoint?: Partial<GraphqlEndpointOptions>;
  readonly plugins?: Plugin[];
  readonly origins?: readonly string[];
}

export const SECURITY_HEADERS = createSecurityHeaders({ https: false });

const typeDefs = `
  input Person { name: String!, tags: [String!], friend: Person }
  type Query { hello(to: String): String!, slow: String!, greet(person: Person): String!, cookies: String!, fail: String! }
  type Mutation { change: Int! }
  type Subscription { ticks: Int! }
`;

export function createTinyService(options: TinyServiceOptions = {}): TinyService {
  const logged: RequestLogEntry[] = [];
  const errors: unknown[] = [];
  let mutations = 0;
  let context: ServerContext | undefined;
  const schema = createSchema<ServerContext>({
    typeDefs,
    resolvers: {
      Query: {
        hello: (_root, { to }: { to?: string }, given) => {
          context = given;
          given.http.facts.said = 'hello';
          return `hello ${to ?? 'world'}`;
        },
        slow: () => new Promise((resolve) => setTimeout(resolve, 100, 'at last')),
        greet: (_root, { person }: { person?: { name: string } }) => person?.name ?? 'nobody',
        cookies: (_root, _args, { outgoing }) => {
          outgoing.setCookies.push('a=1; HttpOnly', 'b=2; HttpOnly');
          outgoing.headers['retry-after'] = '7';
          return 'set';
        },
        fail: () => {
          throw new Error('secret detail');
        },
      },
      Mutation: { change: () => ++mutations },
      Subscription: {
        ticks: {
          async *subscribe() {
            yield { ticks: 1 };
          },
        },
      },
    },
  });
  const yoga = createYoga<ServerContext, object>({
    ...yogaTransportOptions,
    logging: false,
    schema,
    plugins: [...(options.plugins ?? []), useRequestErrorStatus()],
  });
  const app = createHttpApp({
    routes: {
      '/graphql': createGraphqlEndpoint({ yoga, ...options.endpoint }),
      '/health': createHealthRoute(),
      '/throws': { GET: () => Promise.reject(new Error('secret detail')) },
      '/bad-header': {
        GET: () => Promise.resolve({ status: 200, headers: { 'x-a': 'a\r\nb: c' }, body: '' }),
      },
    },
    securityHeaders: SECURITY_HEADERS,
    cors: createCors(options.origins ?? []),
    log: (entry) => logged.push(entry),
    logError: (error) => errors.push(error),
    ...options.app,
  });
  return { app, logged, errors, mutations: () => mutations, context: () => context };
}

export const GRAPHQL_URL = 'http://service.test/graphql';

/** Sends a body to the GraphQL endpoint, as JSON unless the headers say otherwise. */
export function post(
  { app }: TinyService,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return app.fetch(GRAPHQL_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** The one error of an answer. */
export async function onlyError(
  response: Response,
): Promise<{ message: string; extensions: { code: string } }> {
  const { errors } = (await response.json()) as {
    errors: { message: string; extensions: { code: string } }[];
  };
  const [error] = errors;
  if (errors.length !== 1 || error === undefined) throw new Error(JSON.stringify(errors));
  return error;
}
