import type { Config } from '../config.ts';
import { RequestError } from '../errors.ts';
import type { Deps } from '../flows/deps.ts';
import type { SignedIn, Tokens } from '../flows/steps/session-opening.ts';
import { type CookieKind, readCookies, setCookie } from '../http/cookie.ts';
import { isFromOurPages } from '../http/csrf.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { Context } from './context.ts';

const BEARER = /^bearer +(\S+) *$/i;

/** The tokens that a request carries, by whichever way. */
export interface PresentedTokens {
  /** `null` when the request has no credentials; empty, and so refused, when they are malformed or incomplete. */
  access: string | null;
  /** From a cookie; a refresh token that is an argument comes before it. */
  refresh: string | null;
  device: string | null;
}

/**
 * Reads the tokens of a request: from the Authorization header (RFC 6750), or else from cookies. A request with both is
 * one of a program that knows what it is doing, and its cookies are left alone.
 *
 * @throws {RequestError} CSRF_REJECTED when the tokens come by cookie and the request may come from somebody else's page
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
    // without an access token, but with one to refresh by, a browser must learn that it is time to
    access: access ?? (refresh === undefined ? null : ''),
    refresh: refresh ?? null,
    device: device ?? null,
  };
}

/**
 * Hands the tokens of a sign-in or refresh to the client, and lets the rest of the request be answered to its user.
 *
 * @returns the tokens, or `null` when they go out as cookies: what a script cannot read it must not be given beside
 */
export function deliver(context: Context, signedIn: SignedIn): Tokens | null {
  const { user, session, tokens } = signedIn;
  context.viewer = { user, session };
  context.http.facts.userId = user.id;
  if (!session.cookies) return tokens;
  const { deps, outgoing } = context;
  const lifetime = secondsUntil(tokens.refreshExpiresAt, deps);
  // not remembered: gone when the browser is closed
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

/** Has the browser forget the tokens. What makes its device a known one stays: signing out is no reason to be locked out. */
export function clearTokens({ outgoing, deps }: Context): void {
  for (const kind of ['access', 'refresh'] as const) {
    outgoing.setCookies.push(setCookie(kind, '', 0, deps.config.cookies));
  }
}

function secondsUntil(instant: Date, { now }: Deps): number {
  return (instant.getTime() - now().getTime()) / 1000;
}
