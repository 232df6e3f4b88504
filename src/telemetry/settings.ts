import type { Environment } from '../environment.ts';

/** What the service reports about its operation. */
export interface TelemetrySettings {
  /** Whether the text of each SQL statement is logged. */
  readonly sqlEcho: boolean;
  /** Where metrics are served; undefined unless a port is set. */
  readonly metrics: { readonly host: string | undefined; readonly port: number } | undefined;
  /** Where traces are sent; undefined unless a collector is set. */
  readonly tracing: TracingSettings | undefined;
}

export interface TracingSettings {
  /** The collector's base URL, without a trailing slash. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** The fraction of requests to trace, among those whose caller has not decided. */
  readonly share: number;
}

/** @param host where metrics are served by default: the address the service listens on */
export function telemetrySettings(
  variables: Environment,
  host: string | undefined,
): TelemetrySettings {
  const { METRICS_PORT: port, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = variables;
  return {
    sqlEcho: variables.SQL_ECHO === 'on',
    metrics: port === undefined ? undefined : { host: variables.METRICS_HOST ?? host, port },
    tracing:
      endpoint === undefined
        ? undefined
        : {
            endpoint,
            headers: variables.OTEL_EXPORTER_OTLP_HEADERS,
            serviceName: variables.OTEL_SERVICE_NAME,
            share: variables.OTEL_TRACES_SAMPLER_ARG,
          },
  };
}
