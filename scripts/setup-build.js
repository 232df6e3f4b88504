import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { excerpt, hashOf, run, SetupError, say } from './setup-step.js';

const STAMP = 'dist/.latchkey-build';
const COMPILER = 'node_modules/typescript/bin/tsc';
const PROJECT = 'tsconfig.build.json';
const SETTINGS = [PROJECT, 'tsconfig.json', 'package-lock.json'];

/** Compiles src/ to dist/, unless dist/ is up to date. */
export function buildService() {
  const sources = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = hashOf([...sources, ...SETTINGS].flatMap((file) => [file, readFileSync(file)]));
  const outputs = sources.flatMap(outputsOf);
  const last = lastBuild();
  const isWhole = outputs.every((file) => existsSync(file));
  if (last.hash === hash && isWhole) return;

  say('compiling the service (tsc)');
  // The incremental compiler does not notice if one of its outputs has been deleted.
  if (!isWhole) rmSync('dist/.tsbuildinfo', { force: true });
  const { ok, output } = run(process.execPath, [COMPILER, '-p', PROJECT]);
  if (!ok) throw new SetupError(`The service does not compile:\n${excerpt(output)}`);
  const current = new Set(outputs);
  for (const file of last.outputs) {
    if (!current.has(file)) rmSync(file, { force: true });
  }
  mkdirSync('dist', { recursive: true });
  writeFileSync(STAMP, JSON.stringify({ hash, outputs }));
}

/** @param {string} source */
function outputsOf(source) {
  if (!source.endsWith('.ts') || source.endsWith('.d.ts')) return [];
  const output = join('dist', `${source.slice('src/'.length, -'.ts'.length)}.js`);
  return [output, `${output}.map`];
}

/** @returns {{ hash: string, outputs: string[] }} */
function lastBuild() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return { hash: '', outputs: [] };
  }
}
