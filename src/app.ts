import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createYoga } from 'graphql-yoga';
import { type Config, ConfigError } from './config.ts';
import { createAccessTokens } from './crypto/access-token.ts';
import { createCommonPasswords } from './crypto/common-passwords.ts';
import { createHashPool } from './crypto/hash-pool.ts';
import { createKeyring } from './crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from './crypto/password.ts';
import { type Database, openDatabase } from './db/client.ts';
import { type Clock, createClock } from './db/clock.ts';
import { connectionOptions, type DatabaseConnection } from './db/connection.ts';
import { startEmbeddedDatabase } from './db/embedded.ts';
import { migrate } from './db/migrate.ts';
import { MIGRATIONS } from './db/migration-files.ts';
import type { Deps } from './flows/deps.ts';
import { forgetExpired } from './flows/housekeeping.ts';
import { createMailDelivery, type MailDelivery } from './flows/mail-delivery.ts';
import { readMailbox } from './flows/mailbox.ts';
import {
  createSigningKeys,
  KEY_SET_MAX_AGE_SECONDS,
  type SigningKeys,
} from './flows/signing-keys.ts';
import { createAfterwards } from './flows/steps/afterwards.ts';
import { createAttemptGate } from './flows/steps/attempt-gate.ts';
import { createFigures } from './flows/steps/figures.ts';
import { createContext } from './graphql/context.ts';
import { useDocumentLimits } from './graphql/document-limits.ts';
import { describe, useErrorMask, veilError } from './graphql/error-mask.ts';
import { EXAMPLE_OPERATIONS } from './graphql/examples.ts';
import { createRateLimiter } from './graphql/rate-limit.ts';
import { useOperationName } from './graphql/request-facts.ts';
import { schema } from './graphql/schema.ts';
import { useTrustedDocuments } from './graphql/trusted-documents.ts';
import { parseTrustedProxies } from './http/client-address.ts';
import { createCors } from './http/cors.ts';
import { createDevMailRoute } from './http/dev-mail.ts';
import { createDocumentCache, NO_CACHE } from './http/document-cache.ts';
import type { Route } from './http/exchange.ts';
import { createGraphiqlPage } from './http/graphiql.ts';
import { createGraphqlEndpoint } from './http/graphql.ts';
import { createHealthRoute, createReadinessRoute } from './http/health.ts';
import { createJwksRoute } from './http/jwks.ts';
import type { ServerState } from './http/node-exchange.ts';
import { createPages } from './http/pages.ts';
import { createSecurityHeaders } from './http/security-headers.ts';
import { createHttpApp, type HttpApp } from './http/server.ts';
import {
  type ServerContext,
  useRequestErrorStatus,
  yogaTransportOptions,
} from './http/yoga-transport.ts';
import { createLogger, type Logger } from './logger.ts';
import { createSmtpTransport } from './mail/transport.ts';

/** The service, wired and ready to be listened to or called. */
export interface App {
  fetch: HttpApp['fetch'];
  handler(request: IncomingMessage, response: ServerResponse, state?: ServerState): void;
  securityHeaders: Readonly<Record<string, string>>;
  /** What flows work with; for the operator's commands. */
  deps: Deps;
  close(): Promise<void>;
}

/** What tests replace. */
export interface Overrides {
  now?: () => Date;
  logger?: Logger;
  /** Put around the hasher, to count what reaches it. */
  passwords?: (hasher: PasswordHasher) => PasswordHasher;
}

const MINUTE_MS = 60_000;
const KEY_REFRESH_MS = 30_000;
const WEB_PAGES = fileURLToPath(new URL('../web/dist', import.meta.url));

/** What lies under the service's surface, and under the operator's commands. */
export interface Services {
  deps: Deps;
  database: Database;
  clock: Clock;
  signingKeys: SigningKeys;
  close(): Promise<void>;
}

/**
 * Brings up the database where none is configured, migrates it, makes keys, and wires what the flows work with.
 *
 * @param reachEmbedded how to get at the database of our own
 * @throws when the database cannot be had or migrated; whatever was started by then has been stopped
 */
export async function openServices(
  config: Config,
  overrides: Overrides = {},
  reachEmbedded = startEmbeddedDatabase,
): Promise<Services> {
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const embedded =
    config.database.connection === undefined
      ? await reachEmbedded({
          dataDirectory: config.dataDirectory,
          log: (line) => logger.info(line),
        })
      : null;
  try {
    const url = embedded?.url;
    const connection =
      url === undefined ? config.database.connection : connectionOptions(url, () => '');
    const database = await reachDatabase(config, connection, logger);
    const wired = await createDeps(config, database, logger, overrides).catch(
      async (error: unknown) => {
        // an open connection would keep a command from ending
        await database.close();
        throw error;
      },
    );
    const close = async () => {
      await wired.deps.afterwards.idle();
      await database.close();
      await embedded?.stop();
    };
    return { ...wired, database, close };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/**
 * Builds the service, ready to be listened to, with its work in the background. What it started it stops again in `close`.
 *
 * @throws as `openServices` does
 */
export async function createApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const services = await openServices(config, overrides);
  const { deps, clock, signingKeys } = services;
  const { logger } = deps;
  let http: ReturnType<typeof createHttp>;
  try {
    http = createHttp(services);
  } catch (error) {
    await services.close();
    throw error;
  }
  const mail = createMail(deps);
  const repeated = [
    repeat(logger, KEY_REFRESH_MS, signingKeys.refresh),
    repeat(logger, MINUTE_MS, clock.adjust),
    repeat(logger, MINUTE_MS, () => forgetExpired(deps)),
    ...(mail ? [repeat(logger, deps.config.mail.pollMs, async () => mail.wake())] : []),
  ];
  return {
    ...http,
    deps,
    async close() {
      await Promise.all(repeated.map((stop) => stop()));
      await mail?.close();
      await services.close();
    },
  };
}

/** What sends mail, where there is a mail server. */
function createMail(deps: Deps): MailDelivery | undefined {
  const { delivery, sender, connections, timeoutMs } = deps.config.mail;
  if (delivery === 'kept' && deps.config.profile === 'production') {
    deps.logger.warn('SMTP_URL is not set: nobody gets a mail, and no password is reset');
  }
  if (delivery === 'kept' || delivery === 'off') return undefined;
  const transport = createSmtpTransport({ server: delivery, sender, connections, timeoutMs });
  return createMailDelivery(deps, transport);
}

async function reachDatabase(
  config: Config,
  connection: DatabaseConnection | undefined,
  logger: Logger,
): Promise<Database> {
  if (connection === undefined) throw new Error('There is neither a database nor the URL of one.');
  await migrate({ connection, folder: MIGRATIONS, log: (line) => logger.info(line) });
  const { connections, timeoutMs } = config.database;
  return openDatabase({ connection, connections, timeoutMs });
}

async function createDeps(
  config: Config,
  { db }: Database,
  logger: Logger,
  overrides: Overrides,
): Promise<{ deps: Deps; clock: Clock; signingKeys: SigningKeys }> {
  const clock = createClock(db);
  await clock.adjust();
  const now = overrides.now ?? clock.now;
  const keyring = createKeyring(config.secrets);
  const signingKeys = createSigningKeys({ db, config, keyring, now });
  await signingKeys.refresh();
  const { issuer, audience, accessTtlMs } = config.tokens;
  const hasher = createPasswordHasher(config.password, createHashPool(config.hashing));
  const deps: Deps = {
    db,
    config,
    keyring,
    passwords: overrides.passwords?.(hasher) ?? hasher,
    isCommonPassword: createCommonPasswords(),
    accessTokens: createAccessTokens(signingKeys, { issuer, audience, ttlMs: accessTtlMs }),
    attemptGate: createAttemptGate(config.attempts.limit),
    afterwards: createAfterwards((error) =>
      logger.warn({ failure: describe(error) }, 'work after an answer failed'),
    ),
    figures: createFigures({ db, now }),
    logger,
    now,
  };
  return { deps, clock, signingKeys };
}

/** Does something again and again, one run at a time. @returns what stops it, once a run under way is over */
function repeat(logger: Logger, ms: number, work: () => Promise<unknown>): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve();
  let idle = true;
  const timer = setInterval(() => {
    if (!idle) return;
    idle = false;
    running = work()
      .catch((error: unknown) =>
        logger.warn({ failure: describe(error) }, 'background work failed'),
      )
      .finally(() => {
        idle = true;
      });
  }, ms);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

function createHttp({ deps, signingKeys, database }: Services) {
  const { config, logger } = deps;
  const secure = config.publicUrl.startsWith('https:');
  const securityHeaders = createSecurityHeaders({ https: secure });
  const http = createHttpApp({
    routes: {
      '/graphql': createGraphqlEndpoint({
        yoga: createYogaServer(deps),
        page: config.playground ? createGraphiqlPage('/graphql', EXAMPLE_OPERATIONS) : undefined,
      }),
      '/health': createHealthRoute(),
      '/ready': createReadinessRoute({ isReady: () => database.ping().then(() => true) }),
      '/.well-known/jwks.json': createJwksRoute(signingKeys.publicKeys, KEY_SET_MAX_AGE_SECONDS),
      ...devMailRoute(deps),
    },
    pages: openPages(deps),
    securityHeaders,
    cors: createCors(config.corsOrigins),
    limits: { bytes: config.body.limitBytes, milliseconds: config.body.timeoutMs },
    trustedProxies: parseTrustedProxies(config.trustedProxies),
    secure,
    log: ({ facts, ...entry }) => logger.info(Object.assign(entry, facts), 'request'),
    logError: (error, requestId) =>
      logger.error({ failure: describe(error), requestId }, 'request failed'),
  });
  return { fetch: http.fetch, handler: http.handler, securityHeaders };
}

/** Whatever else is set, production has no page that shows everybody's mail. */
function devMailRoute(deps: Deps): Record<string, Route> {
  const { profile, mail, publicUrl } = deps.config;
  if (profile === 'production' || mail.delivery !== 'kept') return {};
  const hosts = new Set([new URL(publicUrl).hostname, 'localhost', '127.0.0.1', '[::1]']);
  const read = (id?: string) => readMailbox(deps, id);
  return { '/dev/mail': createDevMailRoute({ read, hosts }) };
}

/** @throws {ConfigError} when the pages were not built and people would be sent to them in vain */
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

/** What the pages ask, for a service that runs listed documents only. */
function documentsOfPages({ brand }: Config): string[] {
  const file = join(WEB_PAGES, 'operations.json');
  return brand !== undefined && existsSync(file) ? [file] : [];
}

function createYogaServer(deps: Deps) {
  const rateLimiter = createRateLimiter(deps);
  const { persistedOperations } = deps.config;
  return createYoga<ServerContext, object>({
    ...yogaTransportOptions,
    schema,
    context: (server) => createContext(deps, rateLimiter, server),
    logging: false,
    maskedErrors: { maskError: veilError },
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: NO_CACHE },
    plugins: [
      ...(persistedOperations === undefined
        ? []
        : [useTrustedDocuments([persistedOperations, ...documentsOfPages(deps.config)])]),
      useDocumentLimits(deps.config),
      useOperationName(),
      useErrorMask(deps.logger),
      useRequestErrorStatus(),
    ],
  });
}
