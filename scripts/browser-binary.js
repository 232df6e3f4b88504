import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const SYSTEM_DIRECTORIES = ['/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/homebrew/bin'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * Finds this machine's Chromium, for the browser tests.
 *
 * @returns {string | null} its path
 */
export function findBrowser() {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = [...new Set([...path, ...SYSTEM_DIRECTORIES])].flatMap((directory) =>
    NAMES.map((name) => join(directory, name)),
  );
  return [...candidates, ...APPLICATIONS].find((file) => existsSync(file)) ?? null;
}
