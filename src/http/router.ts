import type { Readable } from 'node:stream';
import { createDeadlines } from '../deadlines.ts';
import { type BodyLimits, readBody, refusalOfBody } from './body.ts';
import type { CorsPolicy } from './cors.ts';
import type { HttpHandler, HttpRequest, HttpResponse, Route } from './exchange.ts';
import { type Refusal, refuse } from './refusal.ts';

/** Answers a request whose body has not been read yet. */
export type Router = (request: HttpRequest, stream: Readable) => Promise<HttpResponse>;

const NOT_FOUND: Refusal = { status: 404, message: 'There is nothing at this path.' };

/** Finds the handler for a path and method, and reads the body for POST. */
export function createRouter(options: {
  /** Keyed by exact path. */
  readonly routes: Readonly<Record<string, Route>>;
  /** Finds the route of any other path, if the account pages are on. */
  readonly pages?: ((request: HttpRequest) => Route | undefined) | undefined;
  readonly cors: CorsPolicy;
  readonly limits: BodyLimits;
}): Router {
  const { pages, cors, limits } = options;
  const deadlines = createDeadlines(limits.milliseconds);
  const routes = new Map(Object.entries(options.routes));

  return async (request, stream) => {
    const { method, headers } = request;
    const route = routes.get(request.path) ?? pages?.(request);
    if (route === undefined) return refuse(NOT_FOUND, headers.accept);
    if (method === 'OPTIONS') {
      const allow = methodsOf(route);
      return { status: 204, headers: { allow, ...cors.preflight(headers, allow) }, body: '' };
    }
    const handle = handlerOf(route, method);
    if (handle === undefined) return refuse(wrongMethod(methodsOf(route)), headers.accept);
    // On other methods a body has no meaning; it is left unread.
    if (method !== 'POST') return handle(request);
    const body = await readBody(stream, headers, limits, deadlines);
    if ('fault' in body) return refuse(refusalOfBody(body.fault, limits), headers.accept);
    request.body = body.text;
    return handle(request);
  };
}

function handlerOf(route: Route, method: string): HttpHandler | undefined {
  if (method === 'POST') return route.POST;
  return method === 'GET' || method === 'HEAD' ? route.GET : undefined;
}

function methodsOf(route: Route): string {
  const methods = [route.GET && 'GET, HEAD', route.POST && 'POST', 'OPTIONS'];
  return methods.filter(Boolean).join(', ');
}

function wrongMethod(allow: string): Refusal {
  return { status: 405, message: `This path takes ${allow} only.`, headers: { allow } };
}
