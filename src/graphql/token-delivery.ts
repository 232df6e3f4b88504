import type { Config } from '../config.ts';
import { RequestError } from '../errors.ts';
import type { Deps } from '../flows/deps.ts';
import type { SignedIn, Tokens } from '../flows/steps/session-opening.ts';
import { type CookieKind, readCookies, setCookie } from '../http/cookie.ts';
import { isFromOurPages } from '../http/csrf.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { Context } from './context.ts';

const BEARER = /^bearer +(\S+) *$/i;

/** The tokens of a request, from its header or its cookies. */
export interface PresentedTokens {
  /** `null` when the request has no credentials; empty, which is then rejected, when they are malformed or incomplete. */
  access: string | null;
  /** From a cookie. A refresh token given as an argument takes precedence. */
  refresh: string | null;
  device: string | null;
}

/**
 * Reads the tokens of a request: from the Authorization header (RFC 6750), otherwise from cookies. With the header,
 * cookies are ignored: only a program that chose so sends both.
 *
 * @throws {RequestError} CSRF_REJECTED when the tokens are cookies and the request may come from a foreign page
 */
export function readTokens(http: HttpRequest, config: Config): PresentedTokens {
  const { authorization, cookie } = http.headers;
  if (authorization !== undefined) {
    return { access: BEARER.exec(authorization)?.[1] ?? '', refresh: null, device: null };
  }
  const { access, refresh, device } = readCookies(cookie, config.cookies);
  const authenticates = access !== undefined || refresh !== undefined;
  if (authenticates && !isFromOurPages(http.headers, config.cookies.origins)) {
    throw new RequestError('CSRF_REJECTED');
  }
  return {
    // with only the refresh cookie left, reject the request, so that the browser learns that it has to refresh
    access: access ?? (refresh === undefined ? null : ''),
    refresh: refresh ?? null,
    device: device ?? null,
  };
}

/**
 * Delivers the tokens of a sign-in or refresh, and makes its user the viewer for the rest of the request.
 *
 * @returns the tokens, or `null` when they are sent as cookies, because scripts must not be able to read them
 */
export function deliver(context: Context, signedIn: SignedIn): Tokens | null {
  const { user, session, tokens } = signedIn;
  context.viewer = { user, session };
  context.http.facts.userId = user.id;
  if (!session.cookies) return tokens;
  const { deps, outgoing } = context;
  const lifetime = secondsUntil(tokens.refreshExpiresAt, deps);
  // without "remember me" the cookies last until the browser is closed
  const keep = session.remembered ? lifetime : null;
  const put = (kind: CookieKind, value: string, maxAge: number | null) =>
    outgoing.setCookies.push(setCookie(kind, value, maxAge, deps.config.cookies));
  put('access', tokens.accessToken, keep);
  put('refresh', tokens.refreshToken, keep);
  if (tokens.deviceToken !== null) {
    put('device', tokens.deviceToken, deps.config.cookies.deviceSeconds);
  }
  return null;
}

/** Deletes the token cookies. The device cookie stays: signing out must not expose the device to lockouts. */
export function clearTokens({ outgoing, deps }: Context): void {
  for (const kind of ['access', 'refresh'] as const) {
    outgoing.setCookies.push(setCookie(kind, '', 0, deps.config.cookies));
  }
}

function secondsUntil(instant: Date, { now }: Deps): number {
  return (instant.getTime() - now().getTime()) / 1000;
}
