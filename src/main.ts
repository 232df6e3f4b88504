// The entry of the process. `npm run build` makes one file of all there is to load: reading hundreds of them takes three
// times as long as everything else at the start. Where it is missing, or older than what was compiled, the modules are used.

import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

// libuv starts four threads with its first work. Hashes take one for each core, and the signatures of tokens are checked in
// the same ones: with four cores of hashes they would wait behind them, and more cores would hash nothing. Node 20 has read
// this very file with them, so it has to be told in its environment.
if (Number.parseInt(process.versions.node, 10) >= 22) {
  // biome-ignore lint/style/noProcessEnv: libuv's own, and no part of the configuration
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism() + 2));
}

// the heap may grow by a fifth of what is in use before it is swept, and not to four times of it: memory is the database's
setFlagsFromString('--heap-growing-percent=20');

const bundle = new URL('./bundle/process.js', import.meta.url);

function madeAt(file: URL): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

const compiledAt = madeAt(new URL('./.tsbuildinfo', import.meta.url)) ?? 0;
const isCurrent = (madeAt(bundle) ?? -1) >= compiledAt;

if (isCurrent) await import(bundle.href);
else await import('./process.ts');
