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
    `No host of ${place} accepts writes.`,
    'Repair the cluster: one host must be the primary, or a node that is Synced.',
  ],
  ER_ACCESS_DENIED_ERROR: ({ user, variable }) => [
    `The server refuses the user ${user} or the password.`,
    `Correct user and password in ${variable}; write characters that are special in URLs as %40 and so on. \`create-db --new-passwords\` sets new passwords, and tells if anonymous users of the server take precedence.`,
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
    'The server has reached its limit of prepared statements, and the service sends no other statements.',
    'Raise max_prepared_stmt_count on the server, to 200 for each connection of all instances.',
  ],
  HANDSHAKE_NO_SSL_SUPPORT: ({ variable }) => [
    'The server has no TLS.',
    `Turn it on there, or remove \`tls\` from ${variable}.`,
  ],
  ER_HOST_NOT_PRIVILEGED: () => [
    'The server accepts no connections from this machine.',
    "Give the user another --client-host with `create-db`, or correct the server's bind address.",
  ],
  ER_HOST_IS_BLOCKED: () => [
    'The server has blocked this machine after too many failed connections.',
    'Run `FLUSH HOSTS` there (MySQL: `TRUNCATE TABLE performance_schema.host_cache`), and find out why they failed.',
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
      `Name the file of its certificate authority in ${variable} as ?tls=/path/ca.pem, and use the host name in the certificate.`,
    );
  }
  return broken(
    `It cannot be reached at ${place} (${code}).`,
    `Check the server, or correct ${variable}.`,
  );
}

function codeOf(error: unknown): string {
  const found = driverError(error)?.code;
  if (found !== undefined) return found;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause) return String(cause.code);
  }
  return 'unknown';
}
