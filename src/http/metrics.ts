import { createCors } from './cors.ts';
import { createSecurityHeaders } from './security-headers.ts';
import {
  createHttpApp,
  type HttpApp,
  type HttpAppOptions,
  type RequestLogEntry,
} from './server.ts';

/** What requests are counted in, and read from. */
export interface RequestMetrics {
  readonly contentType: string;
  read(): Promise<string>;
  request(of: { route: string; operation: string; outcome: string }, seconds: number): void;
}

/** `/metrics` and nothing else, for a port of its own: figures are for whoever runs the service. */
export function createMetricsApp(
  metrics: RequestMetrics,
  logError: HttpAppOptions['logError'],
): HttpApp {
  const read = async () => ({
    status: 200,
    headers: { 'content-type': metrics.contentType },
    body: await metrics.read(),
  });
  return createHttpApp({
    routes: { '/metrics': { GET: read } },
    securityHeaders: createSecurityHeaders({ https: false }),
    cors: createCors([]),
    logError,
  });
}

/**
 * Counts a request by what it came to. Paths, operation names and methods are the client's to make up, so each is counted
 * under one of the few that there are.
 *
 * @param paths of the routes
 */
export function countRequest(
  metrics: RequestMetrics,
  { facts, path, status, durationMs }: RequestLogEntry,
  paths: Readonly<Record<string, unknown>>,
): void {
  const route = Object.hasOwn(paths, path) ? path : 'other';
  const code = typeof facts.errors === 'string' ? facts.errors.split(',', 1)[0] : undefined;
  const outcome = String(code ?? facts.outcome ?? (status < 400 ? 'ok' : status));
  metrics.request({ route, operation: String(facts.field ?? ''), outcome }, durationMs / 1000);
}
