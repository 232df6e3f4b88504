import type { Environment } from './environment.ts';
import { cookiesAreSecure, isLocal, isPlainLocal, publicUrlOf } from './public-url.ts';

const SECRET_BYTES = 32;

/** Finds problems in variables that are each valid alone: contradictory combinations, and what production requires. */
export function crossProblems(variables: Environment): string[] {
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
  // a lone comma parses as an empty list
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
  // outside production, a secret that is too short is still a mistake, but a guessable one is fine for tests
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
      problems.push(
        'CORS_ORIGINS must list exact origins, without a path or a slash at the end, such as https://app.example.com',
      );
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

/** Repeated characters, or a sample copied from documentation. */
export function isGuessableSecret(secret: string): boolean {
  return new Set(secret).size < 10 || /change.?me|example|password/i.test(secret);
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
