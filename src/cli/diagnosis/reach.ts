import { type DatabaseConnection, placeOf } from '../../db/connection.ts';
import { driverError } from '../../db/failure.ts';
import { type Finding, findingsOf } from './finding.ts';

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ALTNAME/;

/** A connection attempt that failed. */
interface Attempted {
  /** The variable with the database's URL. */
  readonly variable: string;
  readonly place: string;
  readonly user: string | undefined;
  readonly database: string | undefined;
}

type Explanation = readonly [message: string, mend: string];

const nothingListens = ({ place, variable }: Attempted): Explanation => [
  `Nothing listens at ${place}.`,
  `Start the database server, or correct host, port or socket in ${variable}.`,
];
const noHost = ({ place, variable }: Attempted): Explanation => [
  `There is no host ${place}.`,
  `Correct the host in ${variable}.`,
];
const noConnectionLeft = ({ user }: Attempted): Explanation => [
  `The server has no connection left for ${user}.`,
  "Raise max_connections, or the user's own limit (MAX_USER_CONNECTIONS), or lower DATABASE_CONNECTIONS.",
];

const EXPLANATIONS: Readonly<Record<string, (attempted: Attempted) => Explanation>> = {
  ECONNREFUSED: nothingListens,
  ENOENT: nothingListens,
  ENOTFOUND: noHost,
  EAI_AGAIN: noHost,
  ER_CON_COUNT_ERROR: noConnectionLeft,
  ER_TOO_MANY_USER_CONNECTIONS: noConnectionLeft,
  ER_USER_LIMIT_REACHED: noConnectionLeft,
  ENOTWRITABLE: ({ place }) => [
    `None of ${place} takes writes.`,
    'Mend the cluster: one of them must be the primary, or a node that is Synced.',
  ],
  ER_ACCESS_DENIED_ERROR: ({ user, variable }) => [
    `The server refuses the user ${user} or the password.`,
    `Correct user and password in ${variable}; characters with a meaning in URLs are written as %40 and so on. \`create-db --new-passwords\` makes new ones, and says when anonymous users of the server are in the way.`,
  ],
  ER_BAD_DB_ERROR: ({ database }) => [
    `There is no database ${database}.`,
    'Run `npm run cli -- create-db`, or correct the name.',
  ],
  ER_DBACCESS_DENIED_ERROR: ({ user, database }) => [
    `The user ${user} has no right to the database ${database}, or it does not exist.`,
    'Run `npm run cli -- create-db` and `npm run cli -- migrate`, or correct the name.',
  ],
  ER_MAX_PREPARED_STMT_COUNT_REACHED: () => [
    'The server prepares no more statements, and the service sends no others.',
    'Raise max_prepared_stmt_count on the server: 200 for each connection of all instances.',
  ],
  HANDSHAKE_NO_SSL_SUPPORT: ({ variable }) => [
    'The server has no TLS.',
    `Turn it on there, or take \`tls\` out of ${variable}.`,
  ],
  ER_HOST_NOT_PRIVILEGED: () => [
    'The server lets nobody in from this machine.',
    "Give the user another --client-host by `create-db`, or mend the server's bind address.",
  ],
  ER_HOST_IS_BLOCKED: () => [
    'The server has blocked this machine, after too many connections that came to nothing.',
    'Run `FLUSH HOSTS` there (MySQL: `TRUNCATE TABLE performance_schema.host_cache`), and look for what breaks them off.',
  ],
};

/** Explains why a database cannot be reached, without revealing a password. */
export function unreachable(
  check: string,
  variable: string,
  connection: DatabaseConnection,
  error: unknown,
): Finding {
  const { broken } = findingsOf(check);
  const { user, database } = connection;
  const place = placeOf(connection);
  const code = codeOf(error);
  const explain = EXPLANATIONS[code];
  if (explain !== undefined) return broken(...explain({ variable, place, user, database }));
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
