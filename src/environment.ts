import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { readSender } from './mail/sender.ts';
import {
  commaList,
  headerList,
  rateLimits,
  redisUrl,
  share,
  trustedProxies,
  whole,
} from './variable-forms.ts';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const SECRET_BYTES = 32;

const count = (min: number, max: number, standard: number) => whole(min, max).default(standard);

const httpUrl = z
  .string()
  .refine((text) => /^https?:\/\/[^/?#\s]+(\/[^?#\s]*)?$/.test(text) && URL.canParse(text), {
    message: 'must be an http:// or https:// URL without query, such as https://auth.example.com',
  })
  .transform((text) => text.replace(/\/+$/, ''));

/** A picture that browsers may load into a page of ours: over HTTPS, or from this very machine. */
const pictureUrl = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, origin } = new URL(text);
    return protocol === 'https:' || isPlainLocal(origin);
  },
  { message: 'must be an https:// URL, such as https://www.example.com/logo.svg' },
);

const environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().min(1).optional(),
  PORT: count(0, 65_535, 4000),
  PUBLIC_URL: httpUrl.optional(),
  HTTPS_CERT_PATH: z.string().min(1).optional(),
  HTTPS_KEY_PATH: z.string().min(1).optional(),
  DATABASE_URL: z.string().min(1).optional(),
  MIGRATION_DATABASE_URL: z.string().min(1).optional(),
  DATABASE_CONNECTIONS: count(1, 1000, 10),
  DATABASE_TIMEOUT: count(1, 60, 4),
  DATA_DIR: z.string().min(1).default('.data'),
  REDIS_URL: redisUrl.optional(),
  AUTH_SECRET: commaList.optional(),
  LOG_LEVEL: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug']).optional(),
  AUDIT_RETENTION_DAYS: count(30, 36_500, 365),
  SQL_ECHO: z.enum(['on', 'off']).default('off'),
  METRICS_PORT: whole(0, 65_535).optional(),
  METRICS_HOST: z.string().min(1).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headerList.default({}),
  OTEL_SERVICE_NAME: z.string().min(1).max(200).default('latchkey'),
  OTEL_TRACES_SAMPLER_ARG: share.default(1),
  ACCESS_TOKEN_TTL: count(1, DAY, 15 * MINUTE),
  REFRESH_TOKEN_TTL: count(1, 400 * DAY, 30 * DAY),
  SESSION_TTL: count(1, 400 * DAY, DAY),
  SESSION_MAX_AGE: count(1, 4000 * DAY, 90 * DAY),
  REFRESH_GRACE: count(0, 300, 30),
  MAX_SESSIONS_PER_USER: count(1, 10_000, 50),
  JWT_ALGORITHM: z.enum(['EdDSA', 'HS256']).default('EdDSA'),
  JWT_SECRET: z.string().optional(),
  // both are in every token, and a token must fit into a cookie
  JWT_ISSUER: z.string().min(1).max(200).optional(),
  JWT_AUDIENCE: z.string().min(1).max(200).default('latchkey'),
  SIGNING_KEY_ROTATION_DAYS: count(1, 3650, 30),
  REGISTRATION: z.enum(['open', 'verify', 'closed']).default('open'),
  PASSWORD_RESET_TTL: count(60, DAY, 30 * MINUTE),
  EMAIL_VERIFICATION_TTL: count(60, 30 * DAY, DAY),
  INVITATION_TTL: count(60, 90 * DAY, 7 * DAY),
  EMAIL_UNDO_TTL: count(60, 90 * DAY, 7 * DAY),
  MAIL_RECIPIENT_LIMIT: count(1, 1000, 5),
  MAIL_RECIPIENT_WINDOW: count(1, 7 * 24 * 60, 60),
  PASSWORD_MIN_LENGTH: count(8, 128, 8),
  ARGON2_MEMORY: count(8, 4_194_304, 19_456),
  ARGON2_PASSES: count(1, 100, 2),
  ARGON2_PARALLELISM: count(1, 64, 1),
  HASH_CONCURRENCY: count(1, 1024, availableParallelism()),
  HASH_QUEUE: count(1, 100_000, 1000),
  LOGIN_ATTEMPT_LIMIT: count(1, 1000, 5),
  LOGIN_ATTEMPT_WINDOW: count(1, 7 * 24 * 60, 15),
  RATE_LIMIT: z.enum(['on', 'off']).default('on'),
  RATE_LIMITS: rateLimits.default({}),
  RATE_LIMIT_ROWS: count(1000, 1_000_000_000, 1_000_000),
  TRUSTED_PROXIES: trustedProxies.default(''),
  CORS_ORIGINS: commaList.default([]),
  COOKIE_SAMESITE: z.enum(['lax', 'strict', 'none']).default('lax'),
  COOKIE_SECURE: z.enum(['on', 'off']).optional(),
  DEFAULT_PHRASE: z.string().min(1).max(200).optional(),
  MAIL: z.enum(['on', 'off']).default('on'),
  SMTP_URL: z.string().min(1).optional(),
  MAIL_FROM: z
    .string()
    .refine((text) => readSender(text) !== null, {
      message: 'must be an address, or a name and an address: Example <no-reply@example.com>',
    })
    .optional(),
  MAIL_TEMPLATES: z.string().min(1).optional(),
  MAIL_MAX_ATTEMPTS: count(1, 1000, 30),
  MAIL_TIMEOUT: count(1, 600, 30),
  MAIL_CONNECTIONS: count(1, 100, 5),
  MAIL_POLL_INTERVAL: count(1, 3600, 1),
  MAIL_RETENTION_DAYS: count(7, 3650, 30),
  BODY_LIMIT_BYTES: count(1024, 10_000_000, 100_000),
  BODY_TIMEOUT_SECONDS: count(1, 120, 10),
  MAX_TOKENS: count(50, 1_000_000, 1000),
  MAX_DEPTH: count(3, 1000, 10),
  MAX_ALIASES: count(1, 10_000, 15),
  MAX_DIRECTIVES: count(1, 10_000, 8),
  MAX_ROOT_FIELDS: count(1, 1000, 10),
  PERSISTED_OPERATIONS: z.string().min(1).optional(),
  INTROSPECTION: z.enum(['on', 'off']).optional(),
  PLAYGROUND: z.enum(['on', 'off']).optional(),
  WEB: z.enum(['on', 'off']).default('on'),
  BRAND_NAME: z.string().min(1).max(60).default('Latchkey'),
  BRAND_LOGO_URL: pictureUrl.optional(),
  BRAND_COLOR: z
    .string()
    .regex(/^#?[0-9a-f]{6}$/i, 'must be a colour such as #0b6e69')
    // a # that is not quoted begins a comment in many files of variables
    .transform((text) => `#${text.replace('#', '').toLowerCase()}`)
    .default('#0b6e69'),
});

/** The variables by name, as they were set or their defaults. */
export type Environment = z.infer<typeof environment>;

/**
 * Checks the variables of a process, first each, then together.
 *
 * @param variables by name, none of them empty
 * @returns the checked variables, or what is wrong with them; a problem names its variable and never holds a value
 */
export function readVariables(
  variables: Record<string, string>,
): { variables: Environment } | { problems: string[] } {
  const parsed = environment.safeParse(variables);
  const wrong = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])));
  // one mistake must not hide the others: those that show together are looked for among the rest
  const rest = parsed.success ? parsed.data : environment.parse(without(variables, wrong));
  const problems = [
    ...(parsed.error?.issues ?? []).map(
      (issue) => `${String(issue.path[0])} ${lowerFirst(issue.message)}`,
    ),
    ...crossProblems(rest).filter((problem) => !wrong.has(problem.split(' ', 1)[0] ?? '')),
  ];
  return problems.length > 0 ? { problems } : { variables: rest };
}

function without(variables: Record<string, string>, names: Set<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.has(name)));
}

function crossProblems(variables: Environment): string[] {
  return [
    ...productionProblems(variables),
    ...secretProblems(variables),
    ...togetherProblems(variables),
    ...cookieProblems(variables),
    ...mailProblems(variables),
    ...listenProblems(variables),
  ];
}

function productionProblems(variables: Environment): string[] {
  if (variables.NODE_ENV !== 'production') return [];
  const problems = [];
  if (!variables.DATABASE_URL) {
    problems.push(
      'DATABASE_URL is required in production, such as mysql://user:password@host/latchkey',
    );
  }
  // a lone comma is a list without an entry
  if (!variables.AUTH_SECRET?.length) {
    problems.push(
      'AUTH_SECRET is required in production: 32 random bytes or more, as `openssl rand -base64 48` prints',
    );
  }
  if (!variables.PUBLIC_URL) {
    problems.push('PUBLIC_URL is required in production, such as https://auth.example.com');
  } else if (variables.PUBLIC_URL.startsWith('http:') && !isLocal(variables.PUBLIC_URL)) {
    problems.push('PUBLIC_URL must start with https:// in production');
  }
  if (variables.RATE_LIMIT === 'off') {
    problems.push('RATE_LIMIT cannot be off in production; it is for benchmarks');
  }
  if (variables.SQL_ECHO === 'on') {
    problems.push('SQL_ECHO cannot be on in production; it is for development');
  }
  return problems;
}

function mailProblems({ MAIL, SMTP_URL, NODE_ENV, REGISTRATION }: Environment): string[] {
  if (REGISTRATION !== 'verify') return [];
  if (MAIL === 'off') return ['MAIL cannot be off while REGISTRATION is verify'];
  if (SMTP_URL !== undefined || NODE_ENV !== 'production') return [];
  return [
    'SMTP_URL is required in production while REGISTRATION is verify, such as smtp://user:password@mail.example.com:587',
  ];
}

function secretProblems(variables: Environment): string[] {
  // outside production a short secret is still a mistake, a guessable one is somebody's test
  const isUnfit = variables.NODE_ENV === 'production' ? isWeakSecret : isShortSecret;
  const problems = (variables.AUTH_SECRET ?? [])
    .filter(isUnfit)
    .map(
      () =>
        'AUTH_SECRET has a weak entry: each needs 32 bytes or more of randomness, as `openssl rand -base64 48` prints',
    );
  if (variables.JWT_ALGORITHM === 'HS256' && isUnfit(variables.JWT_SECRET ?? '')) {
    problems.push('JWT_SECRET needs 32 bytes or more of randomness when JWT_ALGORITHM is HS256');
  }
  return problems;
}

function togetherProblems(variables: Environment): string[] {
  const problems = [];
  if (variables.SESSION_MAX_AGE < variables.REFRESH_TOKEN_TTL) {
    problems.push('SESSION_MAX_AGE must not be shorter than REFRESH_TOKEN_TTL');
  }
  if (variables.ARGON2_MEMORY < 8 * variables.ARGON2_PARALLELISM) {
    problems.push('ARGON2_MEMORY must be at least 8 times ARGON2_PARALLELISM');
  }
  for (const origin of variables.CORS_ORIGINS) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin || origin.includes('*')) {
      problems.push('CORS_ORIGINS must list exact origins, such as https://app.example.com');
    }
  }
  return problems;
}

function listenProblems(variables: Environment): string[] {
  const { HTTPS_CERT_PATH, HTTPS_KEY_PATH, PUBLIC_URL, PORT, METRICS_PORT } = variables;
  const problems = [];
  if (HTTPS_CERT_PATH !== undefined && HTTPS_KEY_PATH === undefined) {
    problems.push(
      'HTTPS_KEY_PATH is needed beside HTTPS_CERT_PATH: the private key of the certificate',
    );
  }
  if (HTTPS_KEY_PATH !== undefined && HTTPS_CERT_PATH === undefined) {
    problems.push('HTTPS_CERT_PATH is needed beside HTTPS_KEY_PATH: the certificate and its chain');
  }
  if (HTTPS_CERT_PATH !== undefined && PUBLIC_URL?.startsWith('http:')) {
    problems.push('PUBLIC_URL must start with https:// when HTTPS_CERT_PATH is set');
  }
  if (METRICS_PORT === PORT && PORT !== 0) {
    problems.push('METRICS_PORT must be another port than PORT: metrics are not for the public');
  }
  return problems;
}

function isShortSecret(secret: string): boolean {
  return Buffer.byteLength(secret) < SECRET_BYTES;
}

function isWeakSecret(secret: string): boolean {
  return isShortSecret(secret) || isGuessableSecret(secret);
}

/** A repetition, or the sample of some documentation. */
export function isGuessableSecret(secret: string): boolean {
  return new Set(secret).size < 10 || /change.?me|example|password/i.test(secret);
}

/** Whether cookies are marked Secure: always, but on this very machine without HTTPS. */
export function cookiesAreSecure(variables: Environment): boolean {
  const { COOKIE_SECURE } = variables;
  return COOKIE_SECURE === undefined
    ? !isPlainLocal(publicUrlOf(variables))
    : COOKIE_SECURE === 'on';
}

/** Where people reach the service: this machine, unless something else is said. */
export function publicUrlOf({ PUBLIC_URL, HTTPS_CERT_PATH, PORT }: Environment): string {
  return PUBLIC_URL ?? `${HTTPS_CERT_PATH === undefined ? 'http' : 'https'}://localhost:${PORT}`;
}

function cookieProblems(variables: Environment): string[] {
  const { COOKIE_SECURE, COOKIE_SAMESITE } = variables;
  const problems = [];
  if (COOKIE_SECURE === 'off' && !isPlainLocal(publicUrlOf(variables))) {
    problems.push('COOKIE_SECURE may be off only while PUBLIC_URL is http://localhost');
  }
  if (COOKIE_SAMESITE === 'none' && !cookiesAreSecure(variables)) {
    problems.push(
      'COOKIE_SAMESITE none needs Secure cookies: set COOKIE_SECURE on or an https:// PUBLIC_URL',
    );
  }
  return problems;
}

function isPlainLocal(url: string): boolean {
  return url.startsWith('http:') && isLocal(url);
}

/** Whether a URL is this very machine's. */
export function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
