import type { ConnectionOptions, SslOptions } from 'mysql2';

/** How to reach a database, and its name. */
export type DatabaseConnection = ConnectionOptions & { database: string };

/**
 * Reads a DATABASE_URL into the driver's options.
 *
 * @param databaseUrl `mysql://user:password@host:port/database`, with `?socketPath=` for a Unix socket, and
 *   `?tls=on` (verified), `?tls=insecure` (encrypted, not verified) or `?tls=<path of a CA file>` for TLS.
 * @param readFile reads the CA file; it is given so that this function stays pure.
 * @throws {TypeError} when the text is not such a URL; the message never holds the URL, which has a password in it
 */
export function connectionOptions(
  databaseUrl: string,
  readFile: (path: string) => string,
): DatabaseConnection {
  let url: URL;
  try {
    url = new URL(databaseUrl);
  } catch {
    throw new TypeError('is not a URL; it looks like mysql://user:password@host:3306/latchkey');
  }
  if (url.protocol !== 'mysql:' && url.protocol !== 'mariadb:') {
    throw new TypeError('must start with mysql:// or mariadb://');
  }
  const database = decodeURIComponent(url.pathname.slice(1));
  if (!/^[\w$-]{1,64}$/.test(database)) {
    throw new TypeError('must name a database after the host, as in mysql://host:3306/latchkey');
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'socketPath' && name !== 'tls') {
      throw new TypeError(`has an unknown option; it takes socketPath and tls`);
    }
  }
  const socketPath = url.searchParams.get('socketPath');
  const ssl = tlsOptions(url.searchParams.get('tls'), readFile);
  return {
    database,
    user: decodeURIComponent(url.username) || 'root',
    password: decodeURIComponent(url.password),
    ...(socketPath ? { socketPath } : { host: hostOf(url), port: Number(url.port) || 3306 }),
    ...(ssl ? { ssl } : {}),
  };
}

/** What a DATABASE_URL is made of. */
export interface UrlParts {
  user: string;
  password: string;
  host: string;
  port: number;
  /** A Unix socket in the place of host and port. */
  socketPath: string | undefined;
  /** As `?tls=` takes it. */
  tls: string | undefined;
  database: string;
}

/** Writes the DATABASE_URL that `connectionOptions` reads, whatever characters names and password have. */
export function databaseUrl(parts: UrlParts): string {
  const { user, password, host, port, socketPath, tls, database } = parts;
  const options = new URLSearchParams({
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(tls === undefined ? {} : { tls }),
  }).toString();
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const place = socketPath === undefined ? `${bracketed}:${port}` : 'localhost';
  const query = options === '' ? '' : `?${options}`;
  return `mysql://${encoded(user)}:${encoded(password)}@${place}/${encoded(database)}${query}`;
}

/** Also without the quotes and the like that URLs allow and shells do not. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost';
}

function tlsOptions(
  tls: string | null,
  readFile: (path: string) => string,
): SslOptions | undefined {
  if (tls === null || tls === 'off') return undefined;
  if (tls === 'insecure') return { rejectUnauthorized: false };
  if (tls === 'on') return { minVersion: 'TLSv1.2', verifyIdentity: true };
  return { minVersion: 'TLSv1.2', verifyIdentity: true, ca: readFile(tls) };
}
