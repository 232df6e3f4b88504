import { createCors } from './cors.ts';
import { createSecurityHeaders } from './security-headers.ts';
import {
  createHttpApp,
  type HttpApp,
  type HttpAppOptions,
  type RequestLogEntry,
} from './server.ts';

/** The part of Metrics that counts requests and renders all figures. */
export interface RequestMetrics {
  readonly contentType: string;
  read(): Promise<string>;
  request(of: { route: string; operation: string; outcome: string }, seconds: number): void;
}

/** Serves only `/metrics`, on a port of its own: metrics are for operators, not for the public. */
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
 * Counts a request by route, operation and outcome. Clients can make up any path, operation name and method, so only
 * values from a small fixed set become labels.
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
