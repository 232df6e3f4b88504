import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { excerpt, hashOf, run, SetupError, say } from './setup-step.js';

const PAGES = 'web';
const STAMP = 'web/dist/.latchkey-build';
const MADE = ['dist', join('src', 'generated')].map((folder) => join(PAGES, folder) + sep);
const KIT = join('packages', 'client', 'src');
const SETTINGS = ['schema.graphql', 'package-lock.json'];

/** Builds the account pages from web/ into web/dist, unless they are up to date. */
export function buildPages() {
  if (!existsSync(PAGES)) return;
  const sources = [PAGES, KIT]
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !MADE.some((folder) => file.startsWith(folder)))
    .sort();
  const hash = hashOf([...sources, ...SETTINGS].flatMap((file) => [file, readFileSync(file)]));
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return;

  say('building the account pages (vite)');
  const { ok, output } = run(process.execPath, [join(PAGES, 'build.js')], {
    // the pages use React's small production build, whatever NODE_ENV the service will run with
    env: { NODE_ENV: 'production' },
  });
  if (!ok) throw new SetupError(`The account pages do not build:\n${excerpt(output)}`);
  writeFileSync(STAMP, hash);
}
