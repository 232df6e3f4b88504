import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/config-error.ts';
import { readEnvironment } from '../src/variables.ts';

const STRONG = randomBytes(48).toString('base64');
const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'mysql://latchkey:pw@db.internal/latchkey',
  AUTH_SECRET: STRONG,
  PUBLIC_URL: 'https://auth.example.com',
  SMTP_URL: 'smtp://mail.internal',
  MAIL_FROM: 'Example <no-reply@example.com>',
};
const directory = mkdtempSync(join(tmpdir(), 'latchkey-config-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** What is wrong with an environment, by the variables that the problems begin with. */
function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig({ DATA_DIR: join(directory, 'unused'), ...env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const namesOf = (problems: readonly string[]) => problems.map((problem) => problem.split(' ')[0]);

it('is complete without anything set', () => {
  const config = loadConfig({ DATA_DIR: join(directory, 'defaults') });
  expect(config).toMatchObject({
    profile: 'development',
    listen: { host: '127.0.0.1', port: 4000 },
    publicUrl: 'http://localhost:4000',
    database: { connection: undefined, connections: 10 },
    tokens: { accessTtlMs: 900_000, algorithm: 'EdDSA', audience: 'latchkey' },
    sessions: {
      rememberedTtlMs: 30 * 86_400_000,
      ttlMs: 86_400_000,
      refreshGraceMs: 30_000,
    },
    password: { minLength: 8, memoryKib: 19_456, passes: 2, parallelism: 1 },
    attempts: { limit: 5, windowMs: 900_000 },
    rateLimit: { enabled: true, overrides: {} },
    corsOrigins: [],
    defaultPhrase: null,
    introspection: true,
    playground: true,
  });
  expect(config.database.timeoutMs).toBeLessThanOrEqual(5000);
});

it('makes a secret once outside production, and keeps it where only its owner reads it', () => {
  const DATA_DIR = join(directory, 'secret');
  const first = loadConfig({ DATA_DIR }).secrets;
  expect(first).toHaveLength(1);
  expect(Buffer.byteLength(first[0])).toBeGreaterThanOrEqual(32);
  expect(loadConfig({ DATA_DIR }).secrets).toEqual(first);
  expect(loadConfig({ DATA_DIR: join(directory, 'other') }).secrets).not.toEqual(first);
  expect(statSync(join(DATA_DIR, 'auth-secret')).mode & 0o777).toBe(0o600);
});

it('listens to other machines, and shows neither GraphiQL nor the schema, in production', () => {
  const config = loadConfig(PRODUCTION);
  expect(config).toMatchObject({
    profile: 'production',
    // every address there is, of IPv6 or without it
    listen: { host: undefined, keepAliveTimeoutMs: 65_000 },
    publicUrl: 'https://auth.example.com',
    tokens: { issuer: 'https://auth.example.com' },
    introspection: false,
    playground: false,
  });
});

it.each([
  ['no database', { DATABASE_URL: undefined }, 'DATABASE_URL'],
  ['an empty database URL', { DATABASE_URL: '  ' }, 'DATABASE_URL'],
  ['no secret', { AUTH_SECRET: undefined }, 'AUTH_SECRET'],
  ['an empty secret', { AUTH_SECRET: '' }, 'AUTH_SECRET'],
  ['a list of no secrets', { AUTH_SECRET: ' , ,' }, 'AUTH_SECRET'],
  ['a short secret', { AUTH_SECRET: STRONG.slice(0, 31) }, 'AUTH_SECRET'],
  ['one letter for a secret', { AUTH_SECRET: 'a'.repeat(64) }, 'AUTH_SECRET'],
  ["a manual's secret", { AUTH_SECRET: `changeme-${STRONG}` }, 'AUTH_SECRET'],
  ['a weak one among strong secrets', { AUTH_SECRET: `${STRONG},short` }, 'AUTH_SECRET'],
  ['no public URL', { PUBLIC_URL: undefined }, 'PUBLIC_URL'],
  ['plain HTTP', { PUBLIC_URL: 'http://auth.example.com' }, 'PUBLIC_URL'],
  ['no URL for a public URL', { PUBLIC_URL: 'auth.example.com' }, 'PUBLIC_URL'],
  [
    'a password in the public URL',
    { PUBLIC_URL: 'https://root:secret@auth.example.com' },
    'PUBLIC_URL',
  ],
  ['a user in the public URL', { PUBLIC_URL: 'https://root@auth.example.com/' }, 'PUBLIC_URL'],
  ['no rate limit', { RATE_LIMIT: 'off' }, 'RATE_LIMIT'],
  ['nobody to confirm addresses', { REGISTRATION: 'verify', SMTP_URL: undefined }, 'SMTP_URL'],
  ['mail off that it needs', { REGISTRATION: 'verify', MAIL: 'off' }, 'MAIL'],
  ['an echo of all SQL', { SQL_ECHO: 'on' }, 'SQL_ECHO'],
  ['metrics for the public', { METRICS_PORT: '4000' }, 'METRICS_PORT'],
  ['a weak JWT secret', { JWT_ALGORITHM: 'HS256', JWT_SECRET: 'short' }, 'JWT_SECRET'],
  ['no JWT secret for HS256', { JWT_ALGORITHM: 'HS256' }, 'JWT_SECRET'],
])('refuses to run in production with %s', (_what, env, name) => {
  expect(namesOf(problemsOf({ ...PRODUCTION, ...env }))).toEqual([name]);
  expect(problemsOf(PRODUCTION)).toEqual([]);
});

it('says which words there are, and what is not part of an origin', () => {
  expect(problemsOf({ COOKIE_SAMESITE: 'None', WEB: 'yes' })).toEqual([
    'COOKIE_SAMESITE must be lax, strict or none',
    'WEB must be on or off',
  ]);
  expect(problemsOf({ CORS_ORIGINS: 'http://localhost:5173/' })).toEqual([
    expect.stringContaining('without a path or a slash at the end'),
  ]);
  expect(new ConfigError(['PORT is wrong']).message).toBe(
    'The configuration has a problem:\n  PORT is wrong',
  );
  expect(new ConfigError(['A', 'B']).message).toContain('2 problems:');
});

it('tells all problems at once, whatever kind they are of', () => {
  const problems = problemsOf({
    NODE_ENV: 'production',
    PORT: 'http',
    ACCESS_TOKEN_TTL: '-1',
    DATABASE_URL: 'postgres://db/latchkey',
    PUBLIC_URL: 'http://auth.example.com',
    CORS_ORIGINS: 'https://app.example.com/path',
    LOG_LEVEL: 'loud',
    SMTP_URL: 'https://mail.internal',
    TRUSTED_PROXIES: 'cloudflare',
    RATE_LIMITS: 'logins=1/1',
    HTTPS_CERT_PATH: 'cert.pem',
  });
  expect(namesOf(problems).sort()).toEqual([
    'ACCESS_TOKEN_TTL',
    'AUTH_SECRET',
    'CORS_ORIGINS',
    'DATABASE_URL',
    'HTTPS_KEY_PATH',
    'LOG_LEVEL',
    'PORT',
    'PUBLIC_URL',
    'PUBLIC_URL',
    'RATE_LIMITS',
    'SMTP_URL',
    'TRUSTED_PROXIES',
  ]);
  const { message } = new ConfigError(problems);
  for (const problem of problems) expect(message).toContain(problem);
});

const CANARY = 'S3CRET-CANARY';

it.each([
  ['NODE_ENV', CANARY],
  ['PORT', CANARY],
  ['PUBLIC_URL', CANARY],
  ['PUBLIC_URL', `http://${CANARY}:${CANARY}@example.com?${CANARY}`],
  ['PUBLIC_URL', `http://${CANARY}:${CANARY}@example.com`],
  ['DATABASE_URL', CANARY],
  ['DATABASE_URL', `mysql://root:${CANARY}@:x/latchkey`],
  ['DATABASE_URL', `mysql://root:${CANARY}%@db/latchkey`],
  ['DATABASE_URL', `postgres://root:${CANARY}@db/latchkey`],
  ['DATABASE_URL', `mysql://root:${CANARY}@db/a;b`],
  ['DATABASE_URL', `mysql://root:${CANARY}@db/latchkey?${CANARY}=1`],
  ['DATABASE_URL', `mysql://root:${CANARY}@db/latchkey?tls=/no/${CANARY}`],
  ['DATABASE_CONNECTIONS', CANARY],
  ['AUTH_SECRET', CANARY],
  ['LOG_LEVEL', CANARY],
  ['ACCESS_TOKEN_TTL', CANARY],
  ['JWT_ALGORITHM', CANARY],
  ['RATE_LIMITS', CANARY],
  ['TRUSTED_PROXIES', CANARY],
  ['REDIS_URL', CANARY],
  ['REDIS_URL', `http://:${CANARY}@redis.internal`],
  ['METRICS_PORT', CANARY],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', CANARY],
  ['OTEL_EXPORTER_OTLP_HEADERS', CANARY],
  ['OTEL_EXPORTER_OTLP_HEADERS', `a=${CANARY}%`],
  ['OTEL_EXPORTER_OTLP_HEADERS', `a=${CANARY}%0D%0Ab`],
  ['OTEL_EXPORTER_OTLP_HEADERS', `a=${CANARY}%ff`],
  ['OTEL_TRACES_SAMPLER_ARG', CANARY],
  ['CORS_ORIGINS', CANARY],
  ['DEFAULT_PHRASE', CANARY.repeat(20)],
  ['INTROSPECTION', CANARY],
  ['MAIL', CANARY],
  ['MAIL_FROM', `${CANARY} <${CANARY}>`],
  ['MAIL_TEMPLATES', `/no/${CANARY}`],
])('names %s and what to do, without its value (%#)', (name, value) => {
  const problems = problemsOf({ [name]: value });
  expect(namesOf(problems)).toEqual([name]);
  expect(problems.join()).not.toContain(CANARY);
  expect(problems.join()).not.toMatch(/undefined|\[object|zod|invalid_/i);
});

it.each([
  ['PORT', ['-1', '65536', '80.5', '0x50', '1e3', ' ', '٣'], [' ']],
  ['PASSWORD_MIN_LENGTH', ['7', '129'], []],
  ['LOGIN_ATTEMPT_LIMIT', ['0'], []],
  ['REFRESH_TOKEN_TTL', ['0', '99999999999999999999'], []],
  ['HASH_CONCURRENCY', ['0'], []],
  ['MAIL_RETENTION_DAYS', ['6'], []],
  ['METRICS_PORT', ['-1', '65536'], []],
  ['OTEL_TRACES_SAMPLER_ARG', ['-0.1', '1.1', '2', '1e-3', '.5'], []],
  ['TRUSTED_PROXIES', ['10.0.0.0/33', '10.0.0.1,', '1,2', '-1', '::1/129'], []],
])('keeps %s within bounds', (name, values, harmless) => {
  const refused = values.filter((value) => problemsOf({ [name]: value }).length > 0);
  expect(refused).toEqual(values.filter((value) => !harmless.includes(value as never)));
});

it('does not take the mailbox of who is signed in on the machine for a choice', () => {
  const env = { DATA_DIR: directory, MAIL: '/var/mail/ada' };
  expect(loadConfig(env).mail.delivery).toBe('kept');
});

it('sends mail where there is a server, keeps it for the developer otherwise, or writes none', () => {
  const mailOf = (env: Record<string, string>) => loadConfig({ DATA_DIR: directory, ...env }).mail;
  expect(mailOf({})).toMatchObject({
    delivery: 'kept',
    sender: { name: 'Latchkey', address: 'no-reply@localhost' },
    maxAttempts: 30,
    timeoutMs: 30_000,
    retentionMs: 30 * 86_400_000,
  });
  expect(mailOf({ MAIL: 'off', SMTP_URL: 'smtp://mail.internal' }).delivery).toBe('off');
  expect(loadConfig(PRODUCTION).mail).toMatchObject({
    delivery: { host: 'mail.internal', port: 587, requireTLS: true },
    sender: { name: 'Example', address: 'no-reply@example.com' },
  });
  const { mail } = loadConfig({ ...PRODUCTION, MAIL_FROM: 'no-reply@example.com' });
  expect(mail.sender.name).toBe('auth.example.com');
  expect(problemsOf({ ...PRODUCTION, SMTP_URL: '', MAIL_FROM: '', MAIL: 'off' })).toEqual([]);
  expect(loadConfig({ ...PRODUCTION, SMTP_URL: '', MAIL_FROM: '' }).mail).toMatchObject({
    delivery: 'kept',
    sender: { address: 'no-reply@auth.example.com' },
  });
});

it('reads lists and units', () => {
  const config = loadConfig({
    DATA_DIR: join(directory, 'units'),
    AUTH_SECRET: ` ${STRONG} , ${STRONG.toLowerCase()},`,
    CORS_ORIGINS: 'https://a.example.com, http://localhost:3000',
    RATE_LIMITS: 'login=7/2, login.account=1/1',
    LOGIN_ATTEMPT_WINDOW: '2',
    ACCESS_TOKEN_TTL: '60',
    REFRESH_TOKEN_TTL: '3600',
    PUBLIC_URL: 'https://auth.example.com/base/',
    METRICS_PORT: '9464',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a%3Db, x-team=auth',
    OTEL_TRACES_SAMPLER_ARG: '0.05',
  });
  expect(config.telemetry).toEqual({
    sqlEcho: false,
    metrics: { host: '127.0.0.1', port: 9464 },
    tracing: {
      endpoint: 'http://collector:4318',
      headers: { authorization: 'Bearer a=b', 'x-team': 'auth' },
      serviceName: 'latchkey',
      share: 0.05,
    },
  });
  expect(config.secrets).toEqual([STRONG, STRONG.toLowerCase()]);
  expect(config.corsOrigins).toEqual(['https://a.example.com', 'http://localhost:3000']);
  expect(config.rateLimit.overrides).toEqual({
    login: { max: 7, windowMs: 120_000 },
    'login.account': { max: 1, windowMs: 60_000 },
  });
  expect(config.attempts.windowMs).toBe(120_000);
  expect(config.tokens.accessTtlMs).toBe(60_000);
  // an unremembered session never outlives a remembered one
  expect(config.sessions).toMatchObject({ rememberedTtlMs: 3_600_000, ttlMs: 3_600_000 });
  expect(config.publicUrl).toBe('https://auth.example.com/base');
});

it('takes the process environment before the file .env, and the file before nothing', () => {
  const project = join(directory, 'project');
  mkdirSync(project);
  expect(readEnvironment(project)).not.toHaveProperty('DEFAULT_PHRASE');
  writeFileSync(join(project, '.env'), 'DEFAULT_PHRASE="from the file"\nJWT_AUDIENCE=file\n');
  vi.stubEnv('JWT_AUDIENCE', 'process');
  const config = loadConfig({ ...readEnvironment(project), DATA_DIR: join(project, '.data') });
  expect(config.defaultPhrase).toBe('from the file');
  expect(config.tokens.audience).toBe('process');
});

it.each([
  ['a file in its place', (folder: string) => folder],
  ['a file above it', (folder: string) => join(folder, 'data')],
  ['a place where nobody can make one', () => '/proc/nope'],
  ['one below such a place', () => '/proc/nope/data'],
])('names DATA_DIR when it is not to be used: %s', (_what, place) => {
  const file = join(directory, 'a file');
  writeFileSync(file, '');
  const problems = problemsOf({ DATA_DIR: place(file) });
  expect(problems).toEqual([expect.stringMatching(/^DATA_DIR cannot be made or written to \(E/)]);
});

it('writes nothing into the data directory when a secret is given', () => {
  const DATA_DIR = join(directory, 'untouched');
  loadConfig({ DATA_DIR, AUTH_SECRET: STRONG });
  expect(existsSync(DATA_DIR)).toBe(false);
});
