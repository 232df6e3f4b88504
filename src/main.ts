// The entry point of the process. `npm run build` bundles all modules into one file, because reading hundreds of files
// takes three times as long as the rest of the start. If the bundle is missing or older than the compiled modules, the
// modules are loaded instead.

import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

// libuv starts four threads when it first has work. Hashing uses one per core, and token signatures are verified on the
// same threads: with four cores, verification would queue behind hashes, and with more cores hashing could not use them
// all. On Node 20 the pool is already running here, because it has read this very file, so the variable must be set in
// the process's environment.
if (Number.parseInt(process.versions.node, 10) >= 22) {
  // biome-ignore lint/style/noProcessEnv: libuv reads it; it is no part of the configuration
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism() + 2));
}

// let the heap grow by a fifth before it is collected, instead of fourfold: the memory is better left to the database
setFlagsFromString('--heap-growing-percent=20');

const bundle = new URL('./bundle/process.js', import.meta.url);

function madeAt(file: URL): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

const compiledAt = madeAt(new URL('./.tsbuildinfo', import.meta.url)) ?? 0;
const isCurrent = (madeAt(bundle) ?? -1) >= compiledAt;

if (isCurrent) await import(bundle.href);
else await import('./process.ts');
