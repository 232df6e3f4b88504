import type { AddressInfo } from 'node:net';
import { type App, createApp } from './app.ts';
import { type Config, loadConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { MissingSecretError } from './crypto/cipher.ts';
import { lowerHashPriority } from './crypto/hash-priority.ts';
import { placeOf } from './db/connection.ts';
import { DataDirectoryInUseError } from './db/data-directory-lock.ts';
import { EmbeddedDatabaseError } from './db/mariadb-process.ts';
import { waitAtMost } from './deadlines.ts';
import { endOnSignals } from './ending.ts';
import { describe } from './error-description.ts';
import { type Certificate, readCertificate, watchCertificate } from './http/certificate.ts';
import { type Listener, listen } from './http/listen.ts';
import { createLogger } from './logger.ts';
import { listenProblem } from './start-problems.ts';
import { readEnvironment } from './variables.ts';
import { ownVersion } from './version.ts';

const DRAIN_MS = 10_000;
const LAST_CALL_MS = 500;
// a slow reader of the log may catch up for this long; a stuck one is not waited for any longer
const LAST_LINES_MS = 1000;
const DATABASE_PATIENCE_MS = 30_000;

/** Runs the service: reads the configuration, builds the service, listens, and shuts down gracefully. */
async function main(): Promise<void> {
  const ending = endOnSignals((code) => process.exit(code));
  const config = loadConfig(readEnvironment(process.cwd()));
  const certificate = initialCertificate(config);
  const app = await createApp(config, {
    // outside production, somebody at a terminal wants to know at once that the database is away
    databasePatienceMs: config.profile === 'production' ? DATABASE_PATIENCE_MS : 0,
  });
  // libuv's threads are running by now: the first hash, of a decoy password, is under way
  lowerHashPriority();
  process.on('exit', () => app.deps.logger.flush());
  try {
    const listener = await listening({ host: 'HOST', port: 'PORT' }, app.handler, {
      ...config.listen,
      securityHeaders: app.securityHeaders,
      // later than the body's own timeout, whose answer says what was too slow
      requestTimeoutMs: config.body.timeoutMs + 15_000,
      certificate,
    });
    const metrics = await listenForMetrics(app, config);
    renewCertificates(app, config, listener, certificate);
    ending.endWith(
      (signal) => close({ app, config, listener, metrics }, signal).catch(fail),
      () =>
        app.deps.logger.error(
          'ending took too long; requests and work still in progress are given up',
        ),
      config.shutdownDelayMs,
    );
    announce(app.deps, config, listener.address, metrics?.address);
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Listens, or reports which variables have to change. */
async function listening(
  names: { host: string; port: string },
  ...given: Parameters<typeof listen>
): Promise<Listener> {
  try {
    return await listen(...given);
  } catch (error) {
    throw listenProblem(error, names);
  }
}

function initialCertificate({ https }: Config): Certificate | undefined {
  if (https === undefined) return undefined;
  const read = readCertificate(https);
  if ('problem' in read) throw new ConfigError([read.problem]);
  return read.certificate;
}

function renewCertificates(
  { deps: { logger } }: App,
  { https }: Config,
  listener: Listener,
  certificate: Certificate | undefined,
): void {
  if (https === undefined || certificate === undefined) return;
  watchCertificate(https, certificate, {
    renewed(next) {
      listener.renewCertificate(next);
      logger.info('the certificate was renewed');
    },
    broken: (problem) => logger.error({ problem }, 'the certificate was not renewed'),
  });
}

async function listenForMetrics(app: App, config: Config): Promise<Listener | undefined> {
  const { metrics } = config.telemetry;
  if (metrics === undefined || app.metrics === undefined) return undefined;
  const names = { host: 'METRICS_HOST', port: 'METRICS_PORT' };
  const options = { ...metrics, securityHeaders: app.securityHeaders };
  return listening(names, app.metrics.handler, options);
}

function announce(
  { logger }: App['deps'],
  config: Config,
  address: AddressInfo,
  metrics: AddressInfo | undefined,
): void {
  if (config.profile === 'production') {
    const facts = { version: ownVersion(), node: process.version, database: databaseOf(config) };
    logger.info({ port: address.port, metricsPort: metrics?.port, ...facts }, 'ready');
    return;
  }
  const base = `${config.https ? 'https' : 'http'}://localhost:${address.port}`;
  const lines = [
    'Latchkey is ready.',
    ...(config.brand ? [`  Pages      ${base}/ in a browser`] : []),
    ...(config.playground ? [`  GraphiQL   ${base}/graphql in a browser`] : []),
    `  API        ${base}/graphql`,
    `  Keys       ${base}/.well-known/jwks.json`,
    `  Database   ${databaseOf(config)}`,
    ...(config.mail.delivery === 'kept' ? [`  Mail       ${base}/dev/mail (kept, not sent)`] : []),
    ...(metrics ? [`  Metrics    http://localhost:${metrics.port}/metrics`] : []),
    ...(config.cookies.secure
      ? []
      : ['  Cookies    without Secure and __Host-, because PUBLIC_URL is plain HTTP']),
  ];
  // nobody may be reading, or the disk may be full; an unhandled error would end the process
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function databaseOf({ database: { connection }, dataDirectory }: Config): string {
  if (connection === undefined) return `MariaDB of its own, in ${dataDirectory}`;
  return `${connection.database} at ${placeOf(connection)}`;
}

/** Shuts down gracefully: lets requests in flight and background work finish. */
async function close(
  running: { app: App; config: Config; listener: Listener; metrics: Listener | undefined },
  signal: string,
): Promise<void> {
  const { app, config, listener, metrics } = running;
  const { logger } = app.deps;
  const startedAt = performance.now();
  logger.info({ signal }, 'ending');
  app.retire();
  const lastCallMs = Math.max(config.shutdownDelayMs, LAST_CALL_MS);
  const cutOff = await listener.close(config.shutdownDelayMs + DRAIN_MS, lastCallMs);
  logger.info({ cutOff }, 'requests have ended');
  await metrics?.close(0);
  await app.close();
  logger.info({ durationMs: Math.round(performance.now() - startedAt) }, 'ended');
  await waitAtMost(LAST_LINES_MS, new Promise<void>((resolve) => logger.flush(() => resolve())));
}

function fail(error: unknown): void {
  const isExplained =
    error instanceof ConfigError ||
    error instanceof DataDirectoryInUseError ||
    error instanceof EmbeddedDatabaseError ||
    error instanceof MissingSecretError ||
    // errors of the system and the database server, such as EMFILE and ER_ACCESS_DENIED_ERROR
    (error instanceof Error && 'code' in error);
  process.stderr.write(`${isExplained ? error.message : JSON.stringify(describe(error))}\n`);
  process.exit(1);
}

const strays = createLogger('error');
process.on('unhandledRejection', (error) => {
  strays.error({ failure: describe(error) }, 'unhandled rejection');
});

main().catch(fail);
