import { resolve } from 'node:path';
import { readSecrets } from './auth-secret.ts';
import { ConfigError } from './config-error.ts';
import { readConnection } from './database-connections.ts';
import type { DatabaseConnection } from './db/connection.ts';
import type { Environment } from './environment.ts';
import { type GuessingSettings, guessingSettings } from './guessing-settings.ts';
import { type CertificateFiles, readCertificate } from './http/certificate.ts';
import { type MailFiles, type MailSettings, mailSettings, readMailFiles } from './mail/settings.ts';
import { cookiesAreSecure, isLocal, publicUrlOf } from './public-url.ts';
import { type TelemetrySettings, telemetrySettings } from './telemetry/settings.ts';
import { givenVariables, readVariables, type Variables } from './variables.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
// browsers cap the lifetime of a cookie at 400 days
const DEVICE_SECONDS = 400 * 24 * 60 * 60;

/** Undefined: the service starts a database server of its own. */
type Connection = DatabaseConnection | undefined;

/** Every setting an operator can choose, validated and converted to the units the service uses. */
export interface Config extends GuessingSettings {
  readonly profile: Environment['NODE_ENV'];
  readonly listen: {
    /** Undefined to listen on every address of the machine, with or without IPv6. */
    readonly host: string | undefined;
    readonly port: number;
    /** How long an idle keep-alive connection stays open. */
    readonly keepAliveTimeoutMs: number;
  };
  /** How long the service keeps accepting requests while it shuts down, so that proxies notice that it is not ready. */
  readonly shutdownDelayMs: number;
  /** The files of the certificate and its key, when the service itself terminates TLS. */
  readonly https: CertificateFiles | undefined;
  /** Where people and clients reach the service, without a trailing slash. */
  readonly publicUrl: string;
  /** Whether to send HSTS: the public URL is https, and not on localhost, where it would affect other services. */
  readonly strictTransport: boolean;
  readonly database: {
    readonly connection: Connection;
    readonly connections: number;
    readonly timeoutMs: number;
  };
  readonly dataDirectory: string;
  /** The Redis that counts rate limits; undefined to count them in the database. */
  readonly redisUrl: string | undefined;
  /** The current secret first; older ones still verify and decrypt what they signed and encrypted. */
  readonly secrets: readonly [string, ...string[]];
  readonly logLevel: string;
  readonly audit: {
    /** How long audit events are kept. */
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
    /** How long a new key is published before it starts to sign. */
    readonly leadMs: number;
  };
  readonly sessions: {
    /** How long an unused session lives: with "remember me", and (`ttlMs`) without. */
    readonly rememberedTtlMs: number;
    readonly ttlMs: number;
    readonly maxAgeMs: number;
    readonly refreshGraceMs: number;
    readonly maxPerUser: number;
  };
  readonly cookies: {
    readonly secure: boolean;
    readonly sameSite: Environment['COOKIE_SAMESITE'];
    /** The origins whose pages may use cookies: the service's own and those in CORS_ORIGINS. */
    readonly origins: ReadonlySet<string>;
    /** How long a device that has signed in counts as known. */
    readonly deviceSeconds: number;
  };
  /** Whether people may register, and whether they must confirm their e-mail address first. */
  readonly registration: Environment['REGISTRATION'];
  /** How long the links in mails are valid. */
  readonly emailTokens: {
    readonly resetMs: number;
    readonly verificationMs: number;
    readonly invitationMs: number;
    readonly undoMs: number;
  };
  /** How many mails that strangers can trigger may go to one address in each window. */
  readonly mailAllowance: { readonly limit: number; readonly windowMs: number };
  readonly trustedProxies: string;
  readonly corsOrigins: readonly string[];
  readonly defaultPhrase: string | null;
  readonly mail: MailSettings;
  readonly body: { readonly limitBytes: number; readonly timeoutMs: number };
  /** How large and complex one GraphQL document may be. */
  readonly documentLimits: {
    readonly tokens: number;
    readonly lines: number;
    readonly depth: number;
    readonly aliases: number;
    readonly directives: number;
    readonly rootFields: number;
  };
  /** A JSON file that lists the only documents the service may run. */
  readonly persistedOperations: string | undefined;
  readonly introspection: boolean;
  readonly playground: boolean;
  /** How the account pages look; undefined when they are off. */
  readonly brand:
    | { readonly name: string; readonly logoUrl: string | undefined; readonly color: string }
    | undefined;
}

/**
 * Validates an environment and turns it into the configuration.
 *
 * @param env variables by name; an empty one counts as not set
 * @throws {ConfigError} with all problems at once
 */
export function loadConfig(env: Variables): Config {
  const given = givenVariables(env);
  const read = readVariables(given);
  const database = readConnection('DATABASE_URL', given);
  // only the migrate command uses it, but its mistakes should show now and not when it is needed
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

/** What a visitor with a browser may see. */
function visitorSettings(variables: Environment, production: boolean) {
  return {
    introspection: variables.INTROSPECTION ? variables.INTROSPECTION === 'on' : !production,
    playground: variables.PLAYGROUND ? variables.PLAYGROUND === 'on' : !production,
    brand: readBrand(variables),
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
