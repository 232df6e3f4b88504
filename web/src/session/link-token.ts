const kept = new Map<string, string>();

/**
 * The token that the link of a message carries behind its #. It is taken out of the address at once, so that neither the
 * history nor somebody who looks on keeps it, and stays in memory while the person signs in meanwhile.
 *
 * @param path of the page that the link opens
 */
export function readLinkToken(path: string): string {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token) {
    kept.set(path, token);
    window.history.replaceState(window.history.state, '', window.location.pathname);
  }
  return kept.get(path) ?? '';
}
