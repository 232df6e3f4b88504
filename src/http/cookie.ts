import { parse, serialize } from 'cookie';

/** The service's cookies, by the token they hold. */
export type CookieKind = 'access' | 'refresh' | 'device';

/** The attributes of cookies that depend on the configuration. */
export interface CookieSettings {
  readonly secure: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
}

/**
 * The name of a cookie. Browsers accept the prefix `__Host-` only from this exact host, over HTTPS and for all paths,
 * so that neither a subdomain nor a plain-HTTP page can plant one (RFC 6265bis, 4.1.3.2).
 */
export function cookieName(kind: CookieKind, { secure }: CookieSettings): string {
  return `${secure ? '__Host-' : ''}latchkey-${kind}`;
}

/**
 * A Set-Cookie value.
 *
 * @param maxAgeSeconds how long the browser keeps it; `null` until the browser is closed, 0 to remove it
 */
export function setCookie(
  kind: CookieKind,
  value: string,
  maxAgeSeconds: number | null,
  settings: CookieSettings,
): string {
  return serialize(cookieName(kind, settings), value, {
    path: '/',
    httpOnly: true,
    secure: settings.secure,
    sameSite: settings.sameSite,
    ...(maxAgeSeconds === null ? {} : { maxAge: Math.max(0, Math.floor(maxAgeSeconds)) }),
  });
}

/** The values of this service's cookies in a request. */
export function readCookies(
  header: string | undefined,
  settings: CookieSettings,
): Partial<Record<CookieKind, string>> {
  if (header === undefined) return {};
  const cookies = parse(header);
  const found: Partial<Record<CookieKind, string>> = {};
  for (const kind of ['access', 'refresh', 'device'] as const) {
    const value = cookies[cookieName(kind, settings)];
    if (value) found[kind] = value;
  }
  return found;
}
