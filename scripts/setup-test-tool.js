import { canInstallPackages, installPackages } from './setup-debian.js';
import { SetupError, say } from './setup-step.js';

/**
 * Makes sure that the tests have a tool, which is installed from Debian if possible. Without it the tests that need it are
 * skipped, except in CI, where nobody would notice: there it is an error.
 *
 * @param {{ isThere: () => boolean, name: string, package: string, missing: string }} tool `missing` is a message for the user
 */
export function provideTestTool({ isThere, name, package: packageName, missing }) {
  if (isThere()) return;
  const failure = canInstallPackages()
    ? installPackages(`${name} for the tests`, [packageName])
    : '';
  if (isThere()) return;
  const message = `${failure && `${failure}\n`}${missing}`;
  if (process.env.CI) throw new SetupError(message);
  say(`${message} They are SKIPPED now.`);
}
