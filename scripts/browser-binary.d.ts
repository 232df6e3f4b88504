/** The path of this machine's Chromium, for the browser tests; `null` if there is none. */
export function findBrowser(): string | null;
