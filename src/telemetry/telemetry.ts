import type { AccessTokens } from '../crypto/access-token.ts';
import type { HashPoolWatch } from '../crypto/hash-pool.ts';
import type { PasswordHasher } from '../crypto/password.ts';
import type { DatabaseWatch } from '../db/connection-taking.ts';
import type { Logger } from '../logger.ts';
import { watchDatabase } from './database-watch.ts';
import type { Metrics } from './metrics.ts';
import type { TelemetrySettings } from './settings.ts';
import type { Tracer } from './tracing.ts';

/** The enabled telemetry. What is disabled is undefined, and its modules are not even loaded. */
export interface Telemetry {
  readonly metrics: Metrics | undefined;
  readonly tracer: Tracer | undefined;
  readonly database: DatabaseWatch | undefined;
  close(): Promise<void>;
}

export async function openTelemetry(
  settings: TelemetrySettings,
  logger: Logger,
): Promise<Telemetry> {
  const metrics =
    settings.metrics && (await import('./metrics.ts').then((module) => module.createMetrics()));
  const traces = await openTracing(settings.tracing, logger);
  const tracer = traces?.tracer;
  const echo = settings.sqlEcho ? logger : undefined;
  return {
    metrics,
    tracer,
    database: watchDatabase({ metrics, tracer, echo }),
    close: async () => traces?.close(),
  };
}

async function openTracing(settings: TelemetrySettings['tracing'], logger: Logger) {
  if (settings === undefined) return undefined;
  const [{ createSpanExporter }, { createTracer }] = await Promise.all([
    import('./otlp.ts'),
    import('./tracing.ts'),
  ]);
  const exporter = createSpanExporter(settings, (error) => {
    const reason = error instanceof Error ? error.message : 'unknown';
    logger.warn({ reason }, 'traces cannot be sent');
  });
  return { tracer: createTracer(settings.share, exporter.add), close: exporter.close };
}

/** Connects a hash pool to the metrics. */
export function watchHashPool(metrics: Metrics | undefined): HashPoolWatch | undefined {
  return (
    metrics && {
      done: (waitedMs, tookMs) => metrics.hashed(waitedMs / 1000, tookMs / 1000),
      refused: metrics.hashRefused,
    }
  );
}

/** Adds hashing, including the wait in its queue, to the request's trace. */
export function traceHashing(hasher: PasswordHasher, tracer: Tracer | undefined): PasswordHasher {
  if (tracer === undefined) return hasher;
  return {
    ...hasher,
    hash: (password) => tracer.span('hash password', () => hasher.hash(password)),
    verify: (hash, password) => tracer.span('verify password', () => hasher.verify(hash, password)),
  };
}

/** Counts the access tokens issued. */
export function countTokens(tokens: AccessTokens, metrics: Metrics | undefined): AccessTokens {
  if (metrics === undefined) return tokens;
  return {
    ...tokens,
    async sign(claims, id, now) {
      const signed = await tokens.sign(claims, id, now);
      metrics.tokenIssued();
      return signed;
    },
  };
}
