import { existsSync, statSync } from 'node:fs';
import { excerpt, run, SetupError, say } from './setup-step.js';

const BUNDLER = 'node_modules/vite';
const BUNDLE = 'dist/bundle/process.js';
const COMPILED = 'dist/.tsbuildinfo';

/** Bundles the compiled service, unless the bundle is up to date. Without a bundler the service just starts more slowly. */
export function bundleService() {
  if (!existsSync(BUNDLER) || madeAt(BUNDLE) >= madeAt(COMPILED)) return;
  say('bundling the service (vite)');
  const { ok, output } = run(process.execPath, ['scripts/bundle.js']);
  if (!ok) throw new SetupError(`The service cannot be bundled:\n${excerpt(output)}`);
}

/** @param {string} file */
function madeAt(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}
