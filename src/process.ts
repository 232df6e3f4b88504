import type { AddressInfo } from 'node:net';
import { type App, createApp } from './app.ts';
import { type Config, loadConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { MissingSecretError } from './crypto/cipher.ts';
import { lowerHashPriority } from './crypto/hash-priority.ts';
import { placeOf } from './db/connection.ts';
import { DataDirectoryInUseError } from './db/data-directory-lock.ts';
import { EmbeddedDatabaseError } from './db/mariadb-process.ts';
import { describe } from './graphql/error-mask.ts';
import { type Certificate, readCertificate, watchCertificate } from './http/certificate.ts';
import { type Listener, listen } from './http/listen.ts';
import { createLogger } from './logger.ts';
import { listenProblem } from './start-problems.ts';
import { readEnvironment } from './variables.ts';

const DRAIN_MS = 10_000;
const LAST_CALL_MS = 500;

/** The process: reads the configuration, builds the service, listens, and ends in an orderly way. */
async function main(): Promise<void> {
  const config = loadConfig(readEnvironment(process.cwd()));
  const certificate = initialCertificate(config);
  const app = await createApp(config);
  // the first hash, which nobody's password has, is under way
  lowerHashPriority();
  process.on('exit', () => app.deps.logger.flush());
  try {
    const listener = await listening({ host: 'HOST', port: 'PORT' }, app.handler, {
      ...config.listen,
      securityHeaders: app.securityHeaders,
      // after the body's own limit, whose answer says what was too slow
      requestTimeoutMs: config.body.timeoutMs + 15_000,
      certificate,
    });
    const metrics = await listenForMetrics(app, config);
    renewCertificates(app, config, listener, certificate);
    announce(config, listener.address, metrics?.address);
    closeOnSignal(app, listener, metrics);
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Listens, or says which variables have to change. */
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

function announce(config: Config, address: AddressInfo, metrics: AddressInfo | undefined): void {
  if (config.profile === 'production') {
    createLogger(config.logLevel).info({ port: address.port, metricsPort: metrics?.port }, 'ready');
    return;
  }
  const base = `${config.https ? 'https' : 'http'}://localhost:${address.port}`;
  const database =
    config.database.connection === undefined
      ? `MariaDB of its own, in ${config.dataDirectory}`
      : `${config.database.connection.database} at ${placeOf(config.database.connection)}`;
  const lines = [
    'Latchkey is ready.',
    ...(config.brand ? [`  Pages      ${base}/ in a browser`] : []),
    ...(config.playground ? [`  GraphiQL   ${base}/graphql in a browser`] : []),
    `  API        ${base}/graphql`,
    `  Keys       ${base}/.well-known/jwks.json`,
    `  Database   ${database}`,
    ...(config.mail.delivery === 'kept' ? [`  Mail       ${base}/dev/mail (kept, not sent)`] : []),
    ...(metrics ? [`  Metrics    http://localhost:${metrics.port}/metrics`] : []),
    ...(config.cookies.secure
      ? []
      : ['  Cookies    without Secure and __Host-, because PUBLIC_URL is plain HTTP']),
  ];
  // nobody has to read it, and the disk it goes to may be full
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** SIGTERM and Ctrl-C let requests in flight finish; a second one does not wait. */
function closeOnSignal(app: App, listener: Listener, metrics: Listener | undefined): void {
  let closing = false;
  const close = async () => {
    if (closing) process.exit(1);
    closing = true;
    app.retire();
    await listener.close(DRAIN_MS, LAST_CALL_MS);
    await metrics?.close(0);
    await app.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      close().catch(fail);
    });
  }
}

function fail(error: unknown): void {
  const isExplained =
    error instanceof ConfigError ||
    error instanceof DataDirectoryInUseError ||
    error instanceof EmbeddedDatabaseError ||
    error instanceof MissingSecretError ||
    // the system's and the database server's own, such as EMFILE and ER_ACCESS_DENIED_ERROR
    (error instanceof Error && 'code' in error);
  process.stderr.write(`${isExplained ? error.message : JSON.stringify(describe(error))}\n`);
  process.exit(1);
}

process.on('unhandledRejection', (error) => {
  createLogger('error').error({ failure: describe(error) }, 'unhandled rejection');
});

main().catch(fail);
