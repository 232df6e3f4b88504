import { ConfigError } from './config-error.ts';
import { driverError } from './db/failure.ts';
import { MigrationError } from './db/migration-error.ts';

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
]);

/** Why a server that answers does not accept the URL. */
const REFUSED: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR: 'names a user whom the server refuses, or a wrong password',
  ER_BAD_DB_ERROR: 'names a database that is not there',
  ER_DBACCESS_DENIED_ERROR: 'names a database that its user has no right to, or that is not there',
  HANDSHAKE_NO_SSL_SUPPORT: 'asks for TLS, which the server does not speak',
};

/**
 * Explains why a server could not listen. The system's own message names no variable.
 *
 * @param names the variables for the host and the port
 * @returns the error itself unless it came from the system
 */
export function listenProblem(error: unknown, names: { host: string; port: string }): unknown {
  const code = systemCode(error);
  // an unusable certificate has a code too, but concerns another variable
  if (code === undefined || !callsSystem(error)) return error;
  return new ConfigError([describedListening(code, names)]);
}

function describedListening(code: string, { host, port }: { host: string; port: string }): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${port} is already in use (${code}): stop the program that listens there, or choose another port`;
    case 'EACCES':
      return `${port} needs more rights than this user has (${code}): choose a port above 1023`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine (${code}): choose one, such as 127.0.0.1, or :: for all addresses`;
    default:
      return `${host} and ${port} cannot be listened on (${code}): choose another address or port`;
  }
}

/**
 * Explains why the database could not be reached or lets nobody in. The messages of the system and the server name no
 * variable, and the server's repeats as the user what may be a password in the wrong place.
 *
 * @returns the error itself when it is neither
 */
export function databaseProblem(error: unknown): unknown {
  const code = driverError(error)?.code ?? systemCode(error);
  // for `connect`, ENOENT means that the Unix socket does not exist; elsewhere it is about some other file
  const lacksSocket = code === 'ENOENT' && callsSystem(error, 'connect');
  // a user of few rights whose tables are still to be made is told so by the migration
  const isTold = code === undefined || error instanceof MigrationError;
  const refused = isTold ? undefined : REFUSED[code];
  if (refused !== undefined) {
    return new ConfigError([
      `DATABASE_URL ${refused} (${code}): correct it; \`npm run cli -- doctor\` tells more`,
    ]);
  }
  if (code === undefined || !(UNREACHABLE.has(code) || lacksSocket)) return error;
  return new ConfigError([
    `DATABASE_URL names a server that cannot be reached (${code}): start it, or correct the URL; \`npm run cli -- doctor\` tells more`,
  ]);
}

function callsSystem(error: unknown, call?: string): boolean {
  if (!(error instanceof Error && 'syscall' in error)) return false;
  return call === undefined || error.syscall === call;
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
