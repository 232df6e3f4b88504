import { canInstallPackages, installPackages } from './setup-debian.js';
import { SetupError, say } from './setup-step.js';

/**
 * Makes sure that the tests have a tool of this machine: Debian's where it can be installed. Elsewhere they do without,
 * but never in CI, where nobody would notice.
 *
 * @param {{ isThere: () => boolean, name: string, package: string, missing: string }} tool where `missing` is for people
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
