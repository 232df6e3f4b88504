import { resolve } from 'node:path';
import { readSecrets } from './auth-secret.ts';
import { ConfigError } from './config-error.ts';
import { readConnection } from './database-connections.ts';
import type { DatabaseConnection } from './db/connection.ts';
import type { Environment } from './environment.ts';
import { type CertificateFiles, readCertificate } from './http/certificate.ts';
import { type MailFiles, type MailSettings, mailSettings, readMailFiles } from './mail/settings.ts';
import { cookiesAreSecure, isLocal, publicUrlOf } from './public-url.ts';
import { type TelemetrySettings, telemetrySettings } from './telemetry/settings.ts';
import { givenVariables, readVariables, type Variables } from './variables.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
// browsers keep no cookie longer
const DEVICE_SECONDS = 400 * 24 * 60 * 60;

/** Absent: the service brings up a server of its own. */
type Connection = DatabaseConnection | undefined;

/** Everything an operator can choose, checked and in the units the service counts in. */
export interface Config {
  readonly profile: Environment['NODE_ENV'];
  readonly listen: {
    /** Undefined for every address that the machine has, of IPv6 or without it. */
    readonly host: string | undefined;
    readonly port: number;
    /** How long a connection is kept on which nobody asks for anything. */
    readonly keepAliveTimeoutMs: number;
  };
  /** For how long a service that is ending goes on accepting requests, so that proxies can learn that it is not ready. */
  readonly shutdownDelayMs: number;
  /** Where the certificate and its key are, when the service speaks TLS itself. */
  readonly https: CertificateFiles | undefined;
  /** Where people and clients reach the service, without a trailing slash. */
  readonly publicUrl: string;
  /** Whether browsers are told to come by HTTPS only; of this very machine they must not be. */
  readonly strictTransport: boolean;
  readonly database: {
    readonly connection: Connection;
    readonly connections: number;
    readonly timeoutMs: number;
  };
  readonly dataDirectory: string;
  /** Where rate limits are counted; the database, unless there is one. */
  readonly redisUrl: string | undefined;
  /** The current one first; the others still verify and decrypt what they once made. */
  readonly secrets: readonly [string, ...string[]];
  readonly logLevel: string;
  readonly audit: {
    /** How long what is on record is kept. */
    readonly retentionMs: number;
  };
  readonly telemetry: TelemetrySettings;
  readonly tokens: {
    readonly accessTtlMs: number;
    readonly issuer: string;
    readonly audience: string;
    readonly algorithm: Environment['JWT_ALGORITHM'];
    readonly sharedSecret: string | undefined;
  };
  readonly signingKeys: {
    readonly rotationMs: number;
    /** How long before it signs a key is published. */
    readonly leadMs: number;
  };
  readonly sessions: {
    /** How long a session lives unused: remembered, and not. */
    readonly rememberedTtlMs: number;
    readonly ttlMs: number;
    readonly maxAgeMs: number;
    readonly refreshGraceMs: number;
    readonly maxPerUser: number;
  };
  readonly cookies: {
    readonly secure: boolean;
    readonly sameSite: Environment['COOKIE_SAMESITE'];
    /** Whose pages may use cookies: the service's own origin and those of CORS_ORIGINS. */
    readonly origins: ReadonlySet<string>;
    /** How long a device that has signed in counts as known. */
    readonly deviceSeconds: number;
  };
  /** Who may register, and whether the address must be confirmed first. */
  readonly registration: Environment['REGISTRATION'];
  /** How long what is sent by mail is good. */
  readonly emailTokens: {
    readonly resetMs: number;
    readonly verificationMs: number;
    readonly invitationMs: number;
    readonly undoMs: number;
  };
  /** How many mails of a sort that strangers can cause go to one address. */
  readonly mailAllowance: { readonly limit: number; readonly windowMs: number };
  readonly password: {
    readonly minLength: number;
    readonly memoryKib: number;
    readonly passes: number;
    readonly parallelism: number;
  };
  readonly hashing: { readonly concurrency: number; readonly queue: number };
  readonly attempts: { readonly limit: number; readonly windowMs: number };
  readonly rateLimit: {
    readonly enabled: boolean;
    /** By the names in rate-limits.ts. */
    readonly overrides: Readonly<Record<string, { max: number; windowMs: number }>>;
    /** How many windows are kept at the most; beyond it those that end first are forgotten. */
    readonly rows: number;
  };
  readonly trustedProxies: string;
  readonly corsOrigins: readonly string[];
  readonly defaultPhrase: string | null;
  readonly mail: MailSettings;
  readonly body: { readonly limitBytes: number; readonly timeoutMs: number };
  /** How much one GraphQL document may ask. */
  readonly documentLimits: {
    readonly tokens: number;
    readonly lines: number;
    readonly depth: number;
    readonly aliases: number;
    readonly directives: number;
    readonly rootFields: number;
  };
  /** A file of the only documents that may be run. */
  readonly persistedOperations: string | undefined;
  readonly introspection: boolean;
  readonly playground: boolean;
  /** How the account pages look; undefined where there are none. */
  readonly brand:
    | { readonly name: string; readonly logoUrl: string | undefined; readonly color: string }
    | undefined;
}

/**
 * Checks an environment and makes the configuration of it.
 *
 * @param env variables by name; an empty one counts as not set
 * @throws {ConfigError} with all problems at once
 */
export function loadConfig(env: Variables): Config {
  const given = givenVariables(env);
  const read = readVariables(given);
  const database = readConnection('DATABASE_URL', given);
  // another command's, and all the same a mistake that shows before it is needed
  const migration = readConnection('MIGRATION_DATABASE_URL', given);
  const mail = readMailFiles(given);
  const problems = [
    ...('problems' in read ? read.problems : []),
    ...database.problems,
    ...migration.problems,
    ...certificateProblems(given),
    ...('problems' in mail ? mail.problems : []),
  ];
  if ('problems' in read || 'problems' in mail || problems.length > 0) {
    throw new ConfigError(problems);
  }
  return assemble(read.variables, database.connection, mail);
}

function certificateProblems({
  HTTPS_CERT_PATH,
  HTTPS_KEY_PATH,
}: Record<string, string>): string[] {
  if (HTTPS_CERT_PATH === undefined || HTTPS_KEY_PATH === undefined) return [];
  const read = readCertificate({ certPath: HTTPS_CERT_PATH, keyPath: HTTPS_KEY_PATH });
  return 'problem' in read ? [read.problem] : [];
}

function assemble(variables: Environment, connection: Connection, mail: MailFiles): Config {
  const production = variables.NODE_ENV === 'production';
  const dataDirectory = resolve(variables.DATA_DIR);
  const publicUrl = publicUrlOf(variables);
  // only a production service is meant to be reached from other machines
  const host = variables.HOST ?? (production ? undefined : '127.0.0.1');
  return {
    profile: variables.NODE_ENV,
    listen: {
      host,
      port: variables.PORT,
      keepAliveTimeoutMs: variables.KEEP_ALIVE_SECONDS * 1000,
    },
    shutdownDelayMs: variables.SHUTDOWN_DELAY_SECONDS * 1000,
    https: certificateFiles(variables),
    publicUrl,
    strictTransport: publicUrl.startsWith('https:') && !isLocal(publicUrl),
    database: {
      connection,
      connections: variables.DATABASE_CONNECTIONS,
      timeoutMs: variables.DATABASE_TIMEOUT * 1000,
    },
    dataDirectory,
    redisUrl: variables.REDIS_URL,
    secrets: readSecrets(variables.AUTH_SECRET, dataDirectory),
    logLevel: variables.LOG_LEVEL ?? (variables.NODE_ENV === 'test' ? 'silent' : 'info'),
    audit: { retentionMs: variables.AUDIT_RETENTION_DAYS * DAY_MS },
    telemetry: telemetrySettings(variables, host),
    tokens: {
      accessTtlMs: variables.ACCESS_TOKEN_TTL * 1000,
      issuer: variables.JWT_ISSUER ?? publicUrl,
      audience: variables.JWT_AUDIENCE,
      algorithm: variables.JWT_ALGORITHM,
      sharedSecret: variables.JWT_SECRET,
    },
    signingKeys: {
      rotationMs: variables.SIGNING_KEY_ROTATION_DAYS * DAY_MS,
      leadMs: DAY_MS / 2,
    },
    sessions: {
      rememberedTtlMs: variables.REFRESH_TOKEN_TTL * 1000,
      ttlMs: Math.min(variables.SESSION_TTL, variables.REFRESH_TOKEN_TTL) * 1000,
      maxAgeMs: variables.SESSION_MAX_AGE * 1000,
      refreshGraceMs: variables.REFRESH_GRACE * 1000,
      maxPerUser: variables.MAX_SESSIONS_PER_USER,
    },
    cookies: {
      secure: cookiesAreSecure(variables),
      sameSite: variables.COOKIE_SAMESITE,
      origins: new Set([new URL(publicUrl).origin, ...variables.CORS_ORIGINS]),
      deviceSeconds: DEVICE_SECONDS,
    },
    ...mailboxSettings(variables),
    ...guessingSettings(variables),
    trustedProxies: variables.TRUSTED_PROXIES,
    corsOrigins: variables.CORS_ORIGINS,
    defaultPhrase: variables.DEFAULT_PHRASE ?? null,
    mail: mailSettings(variables, publicUrl, mail),
    body: {
      limitBytes: variables.BODY_LIMIT_BYTES,
      timeoutMs: variables.BODY_TIMEOUT_SECONDS * 1000,
    },
    documentLimits: documentLimits(variables),
    persistedOperations: variables.PERSISTED_OPERATIONS,
    ...visitorSettings(variables, production),
  };
}

/** What somebody finds who opens the service in a browser. */
function visitorSettings(variables: Environment, production: boolean) {
  return {
    introspection: variables.INTROSPECTION ? variables.INTROSPECTION === 'on' : !production,
    playground: variables.PLAYGROUND ? variables.PLAYGROUND === 'on' : !production,
    brand: readBrand(variables),
  };
}

/** What stands between a guess and an account. */
function guessingSettings(variables: Environment) {
  return {
    password: {
      minLength: variables.PASSWORD_MIN_LENGTH,
      memoryKib: variables.ARGON2_MEMORY,
      passes: variables.ARGON2_PASSES,
      parallelism: variables.ARGON2_PARALLELISM,
    },
    hashing: { concurrency: variables.HASH_CONCURRENCY, queue: variables.HASH_QUEUE },
    attempts: {
      limit: variables.LOGIN_ATTEMPT_LIMIT,
      windowMs: variables.LOGIN_ATTEMPT_WINDOW * MINUTE_MS,
    },
    rateLimit: {
      enabled: variables.RATE_LIMIT === 'on',
      overrides: variables.RATE_LIMITS,
      rows: variables.RATE_LIMIT_ROWS,
    },
  };
}

function readBrand({ WEB, BRAND_NAME, BRAND_LOGO_URL, BRAND_COLOR }: Environment): Config['brand'] {
  if (WEB === 'off') return undefined;
  return { name: BRAND_NAME, logoUrl: BRAND_LOGO_URL, color: BRAND_COLOR };
}

function mailboxSettings(variables: Environment) {
  return {
    registration: variables.REGISTRATION,
    emailTokens: {
      resetMs: variables.PASSWORD_RESET_TTL * 1000,
      verificationMs: variables.EMAIL_VERIFICATION_TTL * 1000,
      invitationMs: variables.INVITATION_TTL * 1000,
      undoMs: variables.EMAIL_UNDO_TTL * 1000,
    },
    mailAllowance: {
      limit: variables.MAIL_RECIPIENT_LIMIT,
      windowMs: variables.MAIL_RECIPIENT_WINDOW * MINUTE_MS,
    },
  };
}

function documentLimits(variables: Environment): Config['documentLimits'] {
  return {
    tokens: variables.MAX_TOKENS,
    lines: variables.MAX_LINES,
    depth: variables.MAX_DEPTH,
    aliases: variables.MAX_ALIASES,
    directives: variables.MAX_DIRECTIVES,
    rootFields: variables.MAX_ROOT_FIELDS,
  };
}

function certificateFiles(variables: Environment): CertificateFiles | undefined {
  const { HTTPS_CERT_PATH: certPath, HTTPS_KEY_PATH: keyPath } = variables;
  return certPath === undefined || keyPath === undefined ? undefined : { certPath, keyPath };
}
