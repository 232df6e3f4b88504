import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
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
import type { Redis } from './db/redis.ts';
import type { Deps } from './flows/deps.ts';
import { forgetExpired } from './flows/housekeeping.ts';
import {
  createSigningKeys,
  KEY_SET_MAX_AGE_SECONDS,
  type SigningKeys,
} from './flows/signing-keys.ts';
import { createAttemptGate } from './flows/steps/attempt-gate.ts';
import { describe } from './graphql/error-mask.ts';
import { EXAMPLE_OPERATIONS } from './graphql/examples.ts';
import { createYogaServer } from './graphql/yoga.ts';
import { parseTrustedProxies } from './http/client-address.ts';
import { createCors } from './http/cors.ts';
import { createGraphiqlPage } from './http/graphiql.ts';
import { createGraphqlEndpoint } from './http/graphql.ts';
import { createHealthRoute, createReadinessRoute } from './http/health.ts';
import { createJwksRoute } from './http/jwks.ts';
import { countRequest, createMetricsApp } from './http/metrics.ts';
import type { ServerState } from './http/node-exchange.ts';
import { createSecurityHeaders } from './http/security-headers.ts';
import { createHttpApp, type HttpApp } from './http/server.ts';
import { traceRequests } from './http/tracing.ts';
import { createLogger, type Logger } from './logger.ts';
import { createHitCounter } from './records/rate-limit-hit.ts';
import { repeat } from './repeat.ts';
import {
  countTokens,
  openTelemetry,
  type Telemetry,
  traceHashing,
  watchHashPool,
} from './telemetry/telemetry.ts';

/** The service, wired and ready to be listened to or called. */
export interface App {
  fetch: HttpApp['fetch'];
  handler(request: IncomingMessage, response: ServerResponse, state?: ServerState): void;
  securityHeaders: Readonly<Record<string, string>>;
  /** Answers `/metrics`, on a port of its own; absent where figures are not wanted. */
  metrics: HttpApp | undefined;
  /** From now on `/ready` says no, so that nobody sends more. */
  retire(): void;
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
const UNTRUSTED_PROXY =
  'a request was forwarded by an address that TRUSTED_PROXIES does not name: what it says of the client is not believed';
const MIGRATIONS = fileURLToPath(new URL('../drizzle', import.meta.url));

/** What lies under the service's surface, and under the operator's commands. */
export interface Services {
  deps: Deps;
  database: Database;
  clock: Clock;
  signingKeys: SigningKeys;
  telemetry: Telemetry;
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
  const telemetry = await openTelemetry(config.telemetry, logger);
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
    const database = await reachDatabase(config, connection, logger, telemetry);
    const redis = await reachRedis(config, logger);
    const under = { database, redis, telemetry };
    const wired = await createDeps(config, under, logger, overrides);
    const close = async () => {
      await redis?.close();
      await database.close();
      await embedded?.stop();
      await telemetry.close();
    };
    return { ...wired, database, telemetry, close };
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
  let http: ReturnType<typeof createHttp>;
  try {
    http = createHttp(services);
  } catch (error) {
    await services.close();
    throw error;
  }
  const repeated = [
    repeat(KEY_REFRESH_MS, inBackground(deps, 'signing-keys', signingKeys.refresh)),
    repeat(MINUTE_MS, inBackground(deps, 'clock', clock.adjust)),
    repeat(
      MINUTE_MS,
      inBackground(deps, 'housekeeping', () => forgetExpired(deps)),
    ),
  ];
  return {
    ...http,
    deps,
    async close() {
      await Promise.all(repeated.map((stop) => stop()));
      await services.close();
    },
  };
}

async function reachDatabase(
  config: Config,
  connection: DatabaseConnection | undefined,
  logger: Logger,
  telemetry: Telemetry,
): Promise<Database> {
  if (connection === undefined) throw new Error('There is neither a database nor the URL of one.');
  await migrate({ connection, folder: MIGRATIONS, log: (line) => logger.info(line) });
  const { connections, timeoutMs } = config.database;
  return openDatabase({ connection, connections, timeoutMs, watch: telemetry.database });
}

/** Without a Redis the service works as well, so nothing that happens to it stops a start. */
async function reachRedis({ redisUrl }: Config, logger: Logger): Promise<Redis | undefined> {
  if (redisUrl === undefined) return undefined;
  // loaded only where there is one
  const { openRedis } = await import('./db/redis.ts');
  return openRedis(redisUrl, {
    lost: (error) =>
      logger.warn({ failure: describe(error) }, 'Redis is lost; hits are counted in the database'),
    back: () => logger.info('Redis is back'),
  });
}

async function createDeps(
  config: Config,
  under: { database: Database; redis: Redis | undefined; telemetry: Telemetry },
  logger: Logger,
  overrides: Overrides,
): Promise<{ deps: Deps; clock: Clock; signingKeys: SigningKeys }> {
  const { database, redis, telemetry } = under;
  const { db } = database;
  const { metrics, tracer } = telemetry;
  const clock = createClock(db);
  await clock.adjust();
  const now = overrides.now ?? clock.now;
  const keyring = createKeyring(config.secrets);
  const signingKeys = createSigningKeys({ db, config, keyring, now });
  await signingKeys.refresh();
  const { issuer, audience, accessTtlMs } = config.tokens;
  const hashPool = createHashPool(config.hashing, watchHashPool(metrics));
  const hasher = traceHashing(createPasswordHasher(config.password, hashPool), tracer);
  const accessTokens = createAccessTokens(signingKeys, { issuer, audience, ttlMs: accessTtlMs });
  const deps: Deps = {
    db,
    config,
    keyring,
    passwords: overrides.passwords?.(hasher) ?? hasher,
    isCommonPassword: createCommonPasswords(),
    accessTokens: countTokens(accessTokens, metrics),
    attemptGate: createAttemptGate(config.attempts.limit),
    hitCounter: createHitCounter(db, redis, metrics?.redisFellBack),
    metrics,
    logger,
    now,
  };
  metrics?.watch({
    hashes: () => hashPool,
    connections: database.connections,
    signingKeyAgeMs: signingKeys.signingForMs,
    redisIsUp: redis?.isUp,
  });
  return { deps, clock, signingKeys };
}

/**
 * Background work, whose failures are logged and whose runs are counted.
 *
 * @param work answers with the number of rows it dealt with, where it deals with rows
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
      yoga: createYogaServer(deps, tracer),
      page: config.playground ? createGraphiqlPage('/graphql', EXAMPLE_OPERATIONS) : undefined,
    }),
    '/health': createHealthRoute(),
    '/ready': createReadinessRoute({ isReady, isRetired: () => isRetired }),
    '/.well-known/jwks.json': createJwksRoute(signingKeys.publicKeys, KEY_SET_MAX_AGE_SECONDS),
  };
  const logError = (error: unknown, requestId: string) =>
    logger.error({ failure: describe(error), requestId }, 'request failed');
  const http = createHttpApp({
    routes,
    securityHeaders,
    cors: createCors(config.corsOrigins),
    limits: { bytes: config.body.limitBytes, milliseconds: config.body.timeoutMs },
    trustedProxies: parseTrustedProxies(config.trustedProxies),
    secure,
    around: tracer && traceRequests(tracer),
    untrustedProxy: (address) => logger.warn({ address }, UNTRUSTED_PROXY),
    log(entry) {
      if (metrics) countRequest(metrics, entry, routes);
      const { facts, ...line } = entry;
      logger.info(Object.assign(line, facts), 'request');
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
