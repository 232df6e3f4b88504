/** The Chromium of this machine, for the tests in a browser; null when there is none. */
export function findBrowser(): string | null;
