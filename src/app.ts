import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';
import { newId } from './crypto/id.ts';
import { describe } from './error-description.ts';
import type { Deps } from './flows/deps.ts';
import { createHousekeeping } from './flows/housekeeping.ts';
import { createMailDelivery, type MailDelivery } from './flows/mail-delivery.ts';
import { readMailbox } from './flows/mailbox.ts';
import { KEY_SET_MAX_AGE_SECONDS } from './flows/signing-keys.ts';
import { EXAMPLE_OPERATIONS } from './graphql/examples.ts';
import { createYogaServer } from './graphql/yoga.ts';
import { parseTrustedProxies } from './http/client-address.ts';
import type { Connection } from './http/connection.ts';
import { createCors } from './http/cors.ts';
import { createDevMailRoute } from './http/dev-mail.ts';
import type { Route } from './http/exchange.ts';
import { createGraphiqlPage } from './http/graphiql.ts';
import { createGraphqlEndpoint } from './http/graphql.ts';
import { createHealthRoute, createReadinessRoute } from './http/health.ts';
import { createJwksRoute } from './http/jwks.ts';
import { countRequest, createMetricsApp } from './http/metrics.ts';
import { createPages } from './http/pages.ts';
import { createSecurityHeaders } from './http/security-headers.ts';
import { createHttpApp, type HttpApp } from './http/server.ts';
import { traceRequests } from './http/tracing.ts';
import { createSmtpTransport } from './mail/transport.ts';
import { repeat } from './repeat.ts';
import { type Overrides, openServices, type Services } from './services.ts';

/** The wired service, ready to listen on a port or to be called through `fetch`. */
export interface App {
  fetch: HttpApp['fetch'];
  handler(request: IncomingMessage, response: ServerResponse, connection?: Connection): void;
  securityHeaders: Readonly<Record<string, string>>;
  /** Answers `/metrics`, which has its own port; undefined when metrics are off. */
  metrics: HttpApp | undefined;
  /** Makes `/ready` fail from now on, so that load balancers stop sending requests. */
  retire(): void;
  /** What the flows depend on; the operator's commands use it as well. */
  deps: Deps;
  close(): Promise<void>;
}

const PROBES = new Set(['/health', '/ready']);
const MINUTE_MS = 60_000;
const KEY_REFRESH_MS = 30_000;
const WEB_PAGES = fileURLToPath(new URL('../web/dist', import.meta.url));
const REFUSED_ORIGIN =
  'a page of another origin was refused: CORS_ORIGINS does not list it (logged only once)';
const UNTRUSTED_PROXY =
  'a request was forwarded by an address that TRUSTED_PROXIES does not name: its headers about the client are ignored (logged only once)';

/**
 * Builds the service, ready to listen, and starts its background work. `close` stops everything that this started.
 *
 * @throws as `openServices` does
 */
export async function createApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const services = await openServices(config, overrides);
  const { deps, clock, signingKeys } = services;
  let http: ReturnType<typeof createHttp>;
  try {
    http = createHttp(services);
  } catch (error) {
    await services.close();
    throw error;
  }
  const mail = createMail(deps);
  const housekeeping = createHousekeeping(deps, `${hostname()} ${newId(deps.now())}`);
  deps.metrics?.watchJob('housekeeping', {
    isOurs: housekeeping.isOurs,
    finishedAt: housekeeping.finishedAt,
  });
  const repeated = [
    repeat(KEY_REFRESH_MS, inBackground(deps, 'signing-keys', signingKeys.refresh)),
    repeat(MINUTE_MS, inBackground(deps, 'clock', clock.adjust)),
    repeat(MINUTE_MS, inBackground(deps, 'housekeeping', housekeeping.run)),
    ...(mail ? [repeat(deps.config.mail.pollMs, async () => mail.wake())] : []),
  ];
  return {
    ...http,
    deps,
    async close() {
      // each of these waits for work in progress, and for a few seconds at most
      await Promise.all([
        housekeeping.close(),
        ...repeated.map((stop) => stop()),
        mail?.close(),
        endAfterwards(deps),
      ]);
      await services.close();
    },
  };
}

async function endAfterwards({ afterwards, logger }: Deps): Promise<void> {
  const dropped = await afterwards.close();
  if (dropped > 0)
    logger.warn({ dropped }, 'stopped before all links that were asked for were written');
}

/** Starts sending mail, if there is a mail server to send it through. */
function createMail(deps: Deps): MailDelivery | undefined {
  const { delivery, sender, connections, timeoutMs } = deps.config.mail;
  if (delivery === 'kept' && deps.config.profile === 'production') {
    deps.logger.warn('SMTP_URL is not set: no mail is sent, so nobody can reset a password');
  }
  if (delivery === 'kept' || delivery === 'off') return undefined;
  const transport = createSmtpTransport({ server: delivery, sender, connections, timeoutMs });
  return createMailDelivery(deps, transport);
}

/**
 * Wraps background work: logs its failures and counts its runs.
 *
 * @param work returns the number of rows it handled, if it handles rows; `null` when this instance had nothing to do
 */
function inBackground(
  { logger, metrics }: Deps,
  job: string,
  work: () => Promise<unknown>,
): () => Promise<void> {
  return async () => {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    try {
      const rows = await work();
      if (rows === null) return;
      metrics?.jobRun(job, seconds(), typeof rows === 'number' ? rows : 0);
    } catch (error) {
      metrics?.jobRun(job, seconds(), null);
      logger.warn({ failure: describe(error), job }, 'background work failed');
    }
  };
}

function createHttp({ deps, signingKeys, database, telemetry }: Services) {
  const { config, logger } = deps;
  const { metrics, tracer } = telemetry;
  const secure = config.publicUrl.startsWith('https:');
  const securityHeaders = createSecurityHeaders({ https: config.strictTransport });
  let isRetired = false;
  const isReady = () => database.ping().then(() => true);
  const routes = {
    '/graphql': createGraphqlEndpoint({
      yoga: createYogaServer(deps, tracer, documentsOfPages(config)),
      page: config.playground ? createGraphiqlPage('/graphql', EXAMPLE_OPERATIONS) : undefined,
    }),
    '/health': createHealthRoute(),
    '/ready': createReadinessRoute({
      isReady,
      isRetired: () => isRetired,
      changed: (ready, failure) => {
        if (ready) logger.info('ready again');
        else logger.error({ failure: describe(failure, { stack: false }) }, 'not ready');
      },
    }),
    '/.well-known/jwks.json': createJwksRoute(signingKeys.publicKeys, KEY_SET_MAX_AGE_SECONDS),
    ...devMailRoute(deps),
  };
  const logError = (error: unknown, requestId: string) =>
    logger.error({ failure: describe(error), requestId }, 'request failed');
  // request lines are built below from facts that hold no secrets, so redaction would only cost time
  const requestLog = logger.child({}, { redact: [] });
  const http = createHttpApp({
    routes,
    pages: openPages(deps),
    securityHeaders,
    cors: createCors(config.corsOrigins, (origin) => logger.info({ origin }, REFUSED_ORIGIN)),
    limits: { bytes: config.body.limitBytes, milliseconds: config.body.timeoutMs },
    trustedProxies: parseTrustedProxies(config.trustedProxies),
    secure,
    around: tracer && traceRequests(tracer),
    untrustedProxy: (address) => logger.warn({ address }, UNTRUSTED_PROXY),
    log(entry) {
      if (metrics) countRequest(metrics, entry, routes);
      const { facts, ...line } = entry;
      // orchestrators probe every few seconds; log a probe at info only when it fails
      const isProbe = entry.status === 200 && PROBES.has(entry.path);
      requestLog[isProbe ? 'debug' : 'info'](Object.assign(line, facts), 'request');
    },
    logError,
  });
  return {
    fetch: http.fetch,
    handler: http.handler,
    securityHeaders,
    retire() {
      isRetired = true;
    },
    metrics: metrics && createMetricsApp(metrics, logError),
  };
}

/** Production never serves the page that shows everybody's mail, whatever else is configured. */
function devMailRoute(deps: Deps): Record<string, Route> {
  const { profile, mail, publicUrl } = deps.config;
  if (profile === 'production' || mail.delivery !== 'kept') return {};
  const hosts = new Set([new URL(publicUrl).hostname, 'localhost', '127.0.0.1', '[::1]']);
  const read = (id?: string) => readMailbox(deps, id);
  return { '/dev/mail': createDevMailRoute({ read, hosts }) };
}

/** @throws {ConfigError} in production, when the pages are on but were not built: links would lead nowhere */
function openPages({ config, logger }: Deps) {
  const { brand, publicUrl, profile, registration, password } = config;
  if (brand === undefined) return undefined;
  const settings = {
    REGISTRATION: registration,
    PASSWORD_MIN_LENGTH: String(password.minLength),
  };
  const pages = createPages({ directory: WEB_PAGES, publicUrl, brand, settings });
  if (pages !== undefined) return pages;
  const problem = 'WEB is on, but the account pages are not built: run `npm run build`';
  if (profile === 'production') throw new ConfigError([problem]);
  logger.warn(problem);
  return undefined;
}

/** The file of operations that the account pages send, which must run even when only listed documents may. */
function documentsOfPages({ brand }: Config): string[] {
  const file = join(WEB_PAGES, 'operations.json');
  return brand !== undefined && existsSync(file) ? [file] : [];
}
