import { type DatabaseConnection, placeOf } from '../../db/connection.ts';
import { driverError } from '../../db/failure.ts';
import { type Finding, findingsOf } from './finding.ts';

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ALTNAME/;

/** Says why a database could not be reached, in words that hold no password. */
export function unreachable(
  check: string,
  variable: string,
  connection: DatabaseConnection,
  error: unknown,
): Finding {
  const { broken } = findingsOf(check);
  const { database, user } = connection;
  const place = placeOf(connection);
  const code = codeOf(error);
  switch (code) {
    case 'ENOTWRITABLE':
      return broken(
        `None of ${place} takes writes.`,
        'Mend the cluster: one of them must be the primary, or a node that is Synced.',
      );
    case 'ECONNREFUSED':
    case 'ENOENT':
      return broken(
        `Nothing listens at ${place}.`,
        `Start the database server, or correct host, port or socket in ${variable}.`,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return broken(`There is no host ${place}.`, `Correct the host in ${variable}.`);
    case 'ER_ACCESS_DENIED_ERROR':
      return broken(
        `The server refuses the user ${user} or the password.`,
        `Correct user and password in ${variable}; characters with a meaning in URLs are written as %40 and so on. \`create-db --new-passwords\` makes new ones, and says when anonymous users of the server are in the way.`,
      );
    case 'ER_BAD_DB_ERROR':
      return broken(
        `There is no database ${database}.`,
        'Run `npm run cli -- create-db`, or correct the name.',
      );
    case 'ER_DBACCESS_DENIED_ERROR':
      return broken(
        `The user ${user} has no right to the database ${database}, or it does not exist.`,
        'Run `npm run cli -- create-db` and `npm run cli -- migrate`, or correct the name.',
      );
    case 'ER_CON_COUNT_ERROR':
      return broken(
        'The server has no connection left.',
        'Raise max_connections, or lower DATABASE_CONNECTIONS.',
      );
    case 'ER_MAX_PREPARED_STMT_COUNT_REACHED':
      return broken(
        'The server prepares no more statements, and the service sends no others.',
        'Raise max_prepared_stmt_count on the server: 200 for each connection of all instances.',
      );
    case 'HANDSHAKE_NO_SSL_SUPPORT':
      return broken(
        'The server has no TLS.',
        `Turn it on there, or take \`tls\` out of ${variable}.`,
      );
    case 'ER_HOST_NOT_PRIVILEGED':
      return broken(
        'The server lets nobody in from this machine.',
        "Give the user another --client-host by `create-db`, or mend the server's bind address.",
      );
  }
  if (CERTIFICATE.test(code)) {
    return broken(
      `The server's certificate cannot be verified (${code}).`,
      `Name its authority's file in ${variable} as ?tls=/path/ca.pem, and use the host name that the certificate has.`,
    );
  }
  return broken(`It cannot be reached at ${place} (${code}).`, `Mend the server, or ${variable}.`);
}

function codeOf(error: unknown): string {
  const found = driverError(error)?.code;
  if (found !== undefined) return found;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause) return String(cause.code);
  }
  return 'unknown';
}
