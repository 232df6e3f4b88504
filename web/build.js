// Builds the account pages into web/dist: generates the types, bundles, and compresses each asset at build time.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, runnerImport } from 'vite';
import { listOperations, writeDocuments } from './codegen.js';

const WEB = dirname(fileURLToPath(import.meta.url));

await writeDocuments();
await build({ configFile: join(WEB, 'vite.config.js'), logLevel: 'warn' });

// with PERSISTED_OPERATIONS, the service also accepts the operations of its own pages; it reads them from this file
const kit = await runnerImport(join(WEB, '../packages/client/src/index.ts'));
const operations = { ...listOperations(), ...kit.module.OWN_OPERATIONS };
writeFileSync(join(WEB, 'dist/operations.json'), JSON.stringify(operations));

const assets = join(WEB, 'dist/assets');
for (const name of readdirSync(assets)) {
  const content = readFileSync(join(assets, name));
  writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, { params }));
}
