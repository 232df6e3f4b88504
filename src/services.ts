import type { Config } from './config.ts';
import { createAccessTokens } from './crypto/access-token.ts';
import { createCommonPasswords } from './crypto/common-passwords.ts';
import { createHashPool } from './crypto/hash-pool.ts';
import { createKeyring } from './crypto/keyring.ts';
import { createPasswordHasher, type PasswordHasher } from './crypto/password.ts';
import { type Database, openDatabase } from './db/client.ts';
import { type Clock, createClock } from './db/clock.ts';
import { connectionOptions, type DatabaseConnection, hostText, placeOf } from './db/connection.ts';
import { startEmbeddedDatabase } from './db/embedded.ts';
import { migrate } from './db/migrate.ts';
import { MIGRATIONS } from './db/migration-files.ts';
import type { Redis } from './db/redis.ts';
import { persisting } from './db/retry.ts';
import { describe } from './error-description.ts';
import type { Deps } from './flows/deps.ts';
import { createSigningKeys, type SigningKeys } from './flows/signing-keys.ts';
import { createAfterwards } from './flows/steps/afterwards.ts';
import { createAttemptGate } from './flows/steps/attempt-gate.ts';
import { createFigures } from './flows/steps/figures.ts';
import { createSessionBatches } from './flows/steps/session-batches.ts';
import { createLogger, type Logger } from './logger.ts';
import { outboxFigures } from './records/mail-delivery.ts';
import { createHitCounter } from './records/rate-limit-hit.ts';
import { databaseProblem } from './start-problems.ts';
import {
  countTokens,
  openTelemetry,
  type Telemetry,
  traceHashing,
  watchHashPool,
} from './telemetry/telemetry.ts';

/** What tests replace and the process sets. */
export interface Overrides {
  /** How long to wait for a database that is away; by default not at all. */
  databasePatienceMs?: number;
  now?: () => Date;
  logger?: Logger;
  /** Wraps the hasher, to count what reaches it. */
  passwords?: (hasher: PasswordHasher) => PasswordHasher;
}

/** Everything the service and the operator's commands are built on. */
export interface Services {
  deps: Deps;
  database: Database;
  clock: Clock;
  signingKeys: SigningKeys;
  telemetry: Telemetry;
  close(): Promise<void>;
}

/**
 * Starts the embedded database if none is configured, migrates, loads or makes signing keys, and wires what the flows
 * depend on.
 *
 * @param reachEmbedded starts the embedded database, or connects to one that runs
 * @throws when the database cannot be reached or migrated; whatever was started by then has been stopped
 */
export async function openServices(
  config: Config,
  overrides: Overrides = {},
  reachEmbedded = startEmbeddedDatabase,
): Promise<Services> {
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const patienceMs = overrides.databasePatienceMs ?? 0;
  // close in reverse order of opening; a connection left open would keep a command from ending
  const closers: (() => Promise<unknown> | undefined)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const telemetry = await openTelemetry(config.telemetry, logger);
    closers.push(telemetry.close);
    const connection = await reachConnection(config, logger, reachEmbedded, closers);
    const database = await reachDatabase(config, connection, { logger, telemetry, patienceMs });
    closers.push(database.close);
    const redis = await reachRedis(config, logger);
    closers.push(() => redis?.close());
    const wired = await createDeps(config, { database, redis, telemetry }, logger, overrides);
    return { ...wired, database, telemetry, close };
  } catch (error) {
    await close();
    throw config.database.connection === undefined ? error : databaseProblem(error);
  }
}

async function reachConnection(
  { database, dataDirectory }: Config,
  logger: Logger,
  reachEmbedded: typeof startEmbeddedDatabase,
  closers: (() => Promise<unknown> | undefined)[],
): Promise<DatabaseConnection> {
  if (database.connection !== undefined) return database.connection;
  const embedded = await reachEmbedded({ dataDirectory, log: (line) => logger.info(line) });
  closers.push(embedded.stop);
  return connectionOptions(embedded.url, () => '');
}

async function reachDatabase(
  config: Config,
  connection: DatabaseConnection,
  by: { logger: Logger; telemetry: Telemetry; patienceMs: number },
): Promise<Database> {
  const { logger, telemetry } = by;
  const upToDate = () =>
    migrate({ connection, folder: MIGRATIONS, log: (line) => logger.info(line) });
  await persisting(upToDate, by.patienceMs, (failure) =>
    logger.warn(
      { database: placeOf(connection), failure: describe(failure) },
      'the database is away; waiting for it',
    ),
  );
  const { connections, timeoutMs } = config.database;
  return openDatabase({
    connection,
    connections,
    timeoutMs,
    watch: telemetry.database,
    hostChanged(host) {
      if (host === undefined) logger.warn('no database host takes writes');
      else logger.info({ host: hostText(host) }, 'the database host that takes writes');
    },
  });
}

/** Redis is optional: the service falls back to the database, so no failure of Redis prevents a start. */
async function reachRedis({ redisUrl }: Config, logger: Logger): Promise<Redis | undefined> {
  if (redisUrl === undefined) return undefined;
  // loaded only when Redis is configured
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
  const clock = createClock(db, (offsetMs) => {
    const offsetSeconds = Math.round(offsetMs / 100) / 10;
    if (offsetMs === 0) logger.info("the database's clock agrees with this machine's again");
    else logger.warn({ offsetSeconds }, "the database's clock differs from this machine's");
  });
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
    sessionBatches: createSessionBatches(db, now, config.sessions.refreshGraceMs),
    attemptGate: createAttemptGate(config.attempts.limit),
    afterwards: createAfterwards((error) =>
      logger.warn({ failure: describe(error) }, 'work after an answer failed'),
    ),
    figures: createFigures({ db, now }),
    hitCounter: createHitCounter(db, redis, metrics?.redisFellBack),
    metrics,
    logger,
    now,
  };
  metrics?.watch({
    hashes: () => hashPool,
    connections: database.connections,
    signingKeyAgeMs: signingKeys.signingForMs,
    clockOffsetMs: clock.offsetMs,
    redisIsUp: redis?.isUp,
    mail: () => outboxFigures(db, now()),
  });
  return { deps, clock, signingKeys };
}
