import type { SignedIn, Tokens } from '../flows/steps/session-opening.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { Context } from './context.ts';

const BEARER = /^bearer +(\S+) *$/i;

/**
 * The access token of a request (RFC 6750).
 *
 * @returns `null` when the request carries none; a malformed Authorization header gives an empty token, which is refused
 */
export function readAccessToken(http: HttpRequest): string | null {
  const header = http.headers['authorization'];
  if (header === undefined) return null;
  return BEARER.exec(header)?.[1] ?? '';
}

/** Hands the tokens of a sign-in or refresh to the client, and lets the rest of the request be answered to its user. */
export function deliver(context: Context, signedIn: SignedIn): Tokens {
  context.viewer = { user: signedIn.user, session: signedIn.session };
  context.http.facts['userId'] = signedIn.user.id;
  return signedIn.tokens;
}
