import type { ConnectionOptions, SslOptions } from 'mysql2';

/** A server of a cluster. */
export interface Host {
  host: string;
  port: number;
}

/** How to reach a server, or the servers of a cluster. */
export type ServerConnection = ConnectionOptions & {
  /** The servers of a cluster, if there are several. `host` and `port` are then those of the first. */
  hosts?: readonly Host[];
};

/** How to reach a database, and its name. */
export type DatabaseConnection = ServerConnection & { database: string };

/**
 * Reads a DATABASE_URL into the driver's options.
 *
 * @param databaseUrl `mysql://user:password@host:port/database`, with `?socketPath=` for a Unix socket, and `?tls=on`
 *   (verified), `?tls=insecure` (encrypted, not verified) or `?tls=<path of a CA file>` for TLS. Instead of one
 *   `host:port` there may be several, separated by commas: the servers of a cluster.
 * @param readFile reads the CA file; a parameter so that this function stays pure
 * @throws {TypeError} when the text is not such a URL; the message never contains the URL, because it has a password in
 *   it
 */
export function connectionOptions(
  databaseUrl: string,
  readFile: (path: string) => string,
): DatabaseConnection {
  const [first, ...others] = splitHosts(databaseUrl).map(parseUrl);
  const url = first ?? parseUrl('');
  if (url.protocol !== 'mysql:' && url.protocol !== 'mariadb:') {
    throw new TypeError('must start with mysql:// or mariadb://');
  }
  const database = decoded(url.pathname.slice(1));
  if (!/^[\w$-]{1,64}$/.test(database)) {
    throw new TypeError('must name a database after the host, as in mysql://host:3306/latchkey');
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'socketPath' && name !== 'tls') {
      throw new TypeError(`has an unknown option; it takes socketPath and tls`);
    }
  }
  const socketPath = url.searchParams.get('socketPath');
  if (socketPath && others.length > 0) {
    throw new TypeError(
      'names several hosts and a socketPath, which is a server on this machine; give one of them',
    );
  }
  const hosts = [url, ...others].map(hostOf);
  const places = new Set(hosts.map(({ host, port }) => `${host}:${port}`));
  if (places.size < hosts.length) throw new TypeError('names a host twice');
  const ssl = tlsOptions(url.searchParams.get('tls'), readFile);
  return {
    database,
    user: decoded(url.username) || 'root',
    password: decoded(url.password),
    ...(socketPath ? { socketPath } : hosts[0]),
    ...(hosts.length > 1 ? { hosts } : {}),
    ...(ssl ? { ssl } : {}),
  };
}

/** Where a database is, for messages: without user and password. */
export function placeOf({ socketPath, hosts, host, port }: DatabaseConnection): string {
  if (socketPath !== undefined) return socketPath;
  return (hosts ?? [{ host: host ?? 'localhost', port: port ?? 3306 }]).map(hostText).join(', ');
}

/** A host and its port as in URLs, with brackets around an IPv6 address. */
export function hostText({ host, port }: Host): string {
  return `${bracketed(host)}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Makes one URL per host, because the URL parser does not accept several. */
function splitHosts(databaseUrl: string): string[] {
  const [, scheme, userAndHosts = '', rest] = /^(\w+:\/\/)([^/?#]*)(.*)$/s.exec(databaseUrl) ?? [];
  if (scheme === undefined) return [databaseUrl];
  const at = userAndHosts.lastIndexOf('@') + 1;
  const user = userAndHosts.slice(0, at);
  const hosts = userAndHosts.slice(at).split(',');
  if (hosts.length > 1 && hosts.includes('')) throw new TypeError('has a comma and no host at it');
  return hosts.map((host) => `${scheme}${user}${host}${rest}`);
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError('is not a URL; it looks like mysql://user:password@host:3306/latchkey');
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('has a % that does not begin an encoded character; write % itself as %25');
  }
}

/** The parts of a DATABASE_URL. */
export interface UrlParts {
  user: string;
  password: string;
  /** One host, or several separated by commas. */
  host: string;
  port: number;
  /** A Unix socket instead of host and port. */
  socketPath: string | undefined;
  /** The value of `?tls=`. */
  tls: string | undefined;
  database: string;
}

/** Writes a DATABASE_URL that `connectionOptions` reads, whatever characters the names and the password contain. */
export function databaseUrl(parts: UrlParts): string {
  const { user, password, host, port, socketPath, tls, database } = parts;
  const options = new URLSearchParams({
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(tls === undefined ? {} : { tls }),
  }).toString();
  const hosts = host.split(',').map((name) => hostText({ host: name.trim(), port }));
  const place = socketPath === undefined ? hosts.join(',') : 'localhost';
  const query = options === '' ? '' : `?${options}`;
  return `mysql://${encoded(user)}:${encoded(password)}@${place}/${encoded(database)}${query}`;
}

/** Percent-encodes quotes and the like too, which URLs allow but shells interpret. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
}

function hostOf(url: URL): Host {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost';
  return { host, port: Number(url.port) || 3306 };
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
