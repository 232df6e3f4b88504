import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findBrowser } from './browser-binary.js';
import { excerpt, run, SetupError, say } from './setup-step.js';

/**
 * Makes sure that the tests have a browser: Debian's Chromium where it can be installed. Elsewhere they do without, but
 * never in CI, where nobody would notice.
 */
export function provideBrowser() {
  if (findBrowser()) return;
  const failure = canInstall() ? installChromium() : '';
  if (findBrowser()) return;
  const message = `${failure && `${failure}\n`}No Chromium was found. Install it, and the tests in a browser run as well.`;
  if (process.env.CI) throw new SetupError(message);
  say(`${message} They are SKIPPED now.`);
}

function canInstall() {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const hasApt = path.some((directory) => existsSync(join(directory, 'apt-get')));
  return hasApt && process.getuid?.() === 0;
}

/** Returns why it could not be installed, or nothing. */
function installChromium() {
  say('installing Chromium for the tests (apt-get install chromium)');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '--no-install-recommends', '--no-remove'];
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  const install = () => run('apt-get', ['install', ...options, ...lock, 'chromium'], { env });
  let result = install();
  if (!result.ok) {
    // The package lists are missing, or name versions that are not kept any more.
    run('apt-get', ['update'], { env });
    result = install();
  }
  return result.ok ? '' : `apt-get install failed:\n${excerpt(result.output)}`;
}
