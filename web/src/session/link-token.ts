const kept = new Map<string, string>();

/**
 * Reads the token from the URL fragment of a mailed link. It removes the token from the address bar at once, so that it
 * stays neither in the history nor on the screen, and keeps it in memory in case the user has to sign in first.
 *
 * @param path the path of the page that the link opens
 */
export function readLinkToken(path: string): string {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token) {
    kept.set(path, token);
    window.history.replaceState(window.history.state, '', window.location.pathname);
  }
  return kept.get(path) ?? '';
}
