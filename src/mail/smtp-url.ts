/** How to reach a mail server, as options of nodemailer. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** Implicit TLS. Otherwise STARTTLS is used as the next two say. */
  readonly secure: boolean;
  readonly requireTLS: boolean;
  readonly ignoreTLS: boolean;
  readonly tls: { readonly rejectUnauthorized?: false; readonly ca?: string };
  readonly auth?: { readonly user: string; readonly pass: string };
}

/**
 * Parses SMTP_URL.
 *
 * @param smtpUrl `smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465`, with `?tls=off` for no
 *   TLS, `?tls=insecure` (encrypted, not verified) or `?tls=<path of a CA file>`
 * @param options.requireTls whether smtp:// fails when the server offers no STARTTLS, unless `?tls=off` says otherwise
 * @param options.readFile reads the CA file; passed in so that this function stays pure
 * @throws {TypeError} when the text is not such a URL; the message never contains the URL, which holds a password
 */
export function smtpServer(
  smtpUrl: string,
  options: { requireTls: boolean; readFile: (path: string) => string },
): SmtpServer {
  if (!URL.canParse(smtpUrl)) {
    throw new TypeError('is not a URL; it looks like smtp://user:password@mail.example.com:587');
  }
  const url = new URL(smtpUrl);
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') {
    throw new TypeError('must start with smtp:// or smtps://');
  }
  if (url.hostname === '' || !/^\/?$/.test(url.pathname)) {
    throw new TypeError(
      'must name a host and nothing behind it, as in smtp://mail.example.com:587',
    );
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'tls') throw new TypeError('has an unknown option; it takes tls');
  }
  const secure = url.protocol === 'smtps:';
  const tls = url.searchParams.get('tls') ?? 'on';
  if (secure && tls === 'off')
    throw new TypeError('says smtps:// and tls=off; use smtp:// for that');
  const user = decodePart(url.username);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    requireTLS: tls !== 'off' && (options.requireTls || url.searchParams.has('tls')),
    ignoreTLS: tls === 'off',
    tls: tlsOptions(tls, options.readFile),
    ...(user === '' ? {} : { auth: { user, pass: decodePart(url.password) } }),
  };
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('has a % in its user or password that is not written as %25');
  }
}

function tlsOptions(tls: string, readFile: (path: string) => string): SmtpServer['tls'] {
  if (tls === 'on' || tls === 'off') return {};
  if (tls === 'insecure') return { rejectUnauthorized: false };
  return { ca: readFile(tls) };
}
