import { excerpt, isInPath, run, say } from './setup-step.js';

/** Whether Debian packages can be installed: that takes apt-get and root rights. */
export function canInstallPackages() {
  return process.getuid?.() === 0 && isInPath('apt-get');
}

/**
 * Installs Debian packages, after updating the package lists if necessary.
 *
 * @param {string} what the name to show
 * @param {string[]} packages
 * @returns {string} why the installation failed, or an empty string
 */
export function installPackages(what, packages) {
  say(`installing ${what} (apt-get install ${packages.join(' ')})`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Never remove packages that the user has installed, such as another MySQL.
  const options = ['-y', '--no-install-recommends', '--no-remove'];
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  const install = () => run('apt-get', ['install', ...options, ...lock, ...packages], { env });
  let result = install();
  if (!result.ok) {
    // The package lists are missing, or name versions that are no longer available.
    run('apt-get', ['update'], { env });
    result = install();
  }
  return result.ok ? '' : `apt-get install failed:\n${excerpt(result.output)}`;
}
