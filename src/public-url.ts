/** The variables that determine how people reach the service. */
interface Reach {
  PUBLIC_URL?: string | undefined;
  HTTPS_CERT_PATH?: string | undefined;
  PORT: number;
}

/** Whether cookies are marked Secure. By default they are, except on localhost without HTTPS. */
export function cookiesAreSecure(
  variables: Reach & { COOKIE_SECURE?: 'on' | 'off' | undefined },
): boolean {
  const { COOKIE_SECURE } = variables;
  return COOKIE_SECURE === undefined
    ? !isPlainLocal(publicUrlOf(variables))
    : COOKIE_SECURE === 'on';
}

/** Where people reach the service; localhost by default. */
export function publicUrlOf({ PUBLIC_URL, HTTPS_CERT_PATH, PORT }: Reach): string {
  return PUBLIC_URL ?? `${HTTPS_CERT_PATH === undefined ? 'http' : 'https'}://localhost:${PORT}`;
}

/** Whether a URL is on localhost, without HTTPS. */
export function isPlainLocal(url: string): boolean {
  return url.startsWith('http:') && isLocal(url);
}

/** Whether a URL is on localhost. */
export function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}
