import { run, SetupError, say } from './setup-step.js';

/**
 * Makes sure that the tests have a Redis: Debian's where it can be installed. Elsewhere they do without, but never in CI,
 * where nobody would notice.
 */
export function provideRedis() {
  if (hasRedis()) return;
  if (process.getuid?.() === 0 && run('apt-get', ['--version']).ok) installRedis();
  if (hasRedis()) return;
  const message = 'No redis-server was found. Install it, and the tests of REDIS_URL run as well.';
  if (process.env.CI) throw new SetupError(message);
  say(`${message} They are SKIPPED now.`);
}

function hasRedis() {
  return run('redis-server', ['--version']).ok;
}

function installRedis() {
  say('installing Redis for the tests (apt-get install redis-server)');
  const options = ['-y', '--no-install-recommends', '--no-remove'];
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', ...options, ...lock, 'redis-server'], { env });
  if (install().ok) return;
  // The package lists are missing, or name versions that are not kept any more.
  run('apt-get', ['update'], { env });
  install();
}
