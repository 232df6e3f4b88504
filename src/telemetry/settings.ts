import type { Environment } from '../environment.ts';

/** How the service can be seen at work. */
export interface TelemetrySettings {
  /** Whether the text of each SQL statement is logged. */
  readonly sqlEcho: boolean;
  /** Where figures are served; nowhere, unless a port was named. */
  readonly metrics: { readonly host: string | undefined; readonly port: number } | undefined;
  /** Where traces are sent; nowhere, unless a collector was named. */
  readonly tracing: TracingSettings | undefined;
}

export interface TracingSettings {
  /** The collector's base URL, without a trailing slash. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** The share of requests that are traced, of those whose caller has not decided. */
  readonly share: number;
}

/** @param host where metrics are served when nothing else is said: where the service is */
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
