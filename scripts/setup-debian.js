import { excerpt, isInPath, run, say } from './setup-step.js';

/** Whether Debian's packages can be installed: there is apt-get, and root may use it. */
export function canInstallPackages() {
  return process.getuid?.() === 0 && isInPath('apt-get');
}

/**
 * Installs packages of Debian, with the package lists renewed if it takes that.
 *
 * @param {string} what for people
 * @param {string[]} packages
 * @returns {string} why they could not be installed, or nothing
 */
export function installPackages(what, packages) {
  say(`installing ${what} (apt-get install ${packages.join(' ')})`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // What the user has installed, another MySQL for one, must not be removed for our sake.
  const options = ['-y', '--no-install-recommends', '--no-remove'];
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  const install = () => run('apt-get', ['install', ...options, ...lock, ...packages], { env });
  let result = install();
  if (!result.ok) {
    // The package lists are missing, or name versions that are not kept any more.
    run('apt-get', ['update'], { env });
    result = install();
  }
  return result.ok ? '' : `apt-get install failed:\n${excerpt(result.output)}`;
}
