import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { excerpt, hashOf, run, SetupError, say } from './setup-step.js';

const LOCKFILE = 'package-lock.json';
const STAMP = 'node_modules/.latchkey-setup';
/** npm's own record of what it has installed. */
const INSTALLED = 'node_modules/.package-lock.json';

/** Installs the versions in the lockfile, unless they are installed already. */
export function installDependencies() {
  const platform = `${process.platform}-${process.arch}`;
  const wanted = `${platform} ${hashOf([readFileSync(LOCKFILE)])}`;
  const stamp = existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
  if (stamp === wanted) return;
  // Native modules for another platform look installed but do not run.
  const otherPlatform = stamp !== '' && !stamp.startsWith(`${platform} `);
  if (otherPlatform || !isInstalled()) npmCi();
  writeFileSync(STAMP, wanted);
}

/** Whether somebody has already installed the versions in the lockfile by hand. */
function isInstalled() {
  if (!existsSync(INSTALLED)) return false;
  const wanted = packagesOf(LOCKFILE);
  const installed = packagesOf(INSTALLED);
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (path === '' || (optional && !found)) return true;
    return found?.version === version && found?.integrity === integrity;
  });
}

/**
 * @param {string} lockfile
 * @returns {Record<string, { version: string, integrity?: string, optional?: boolean }>}
 */
function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}

function npmCi() {
  say('installing the dependencies (npm ci)');
  // The compiler is a development dependency, which NODE_ENV=production would omit.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const cli = process.env.npm_execpath ?? '';
  // When run by npm, this is the npm that the user called.
  const { ok, output } = cli.endsWith('npm-cli.js')
    ? run(process.execPath, [cli, ...args])
    : run('npm', args);
  if (!ok) throw new SetupError(`npm ci failed:\n${excerpt(output)}`);
}
