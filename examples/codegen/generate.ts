import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse } from 'graphql';
import config from './codegen.ts';

const HERE = new URL('./', import.meta.url);
const [[folder, target]] = Object.entries(config.generates) as [
  [string, (typeof config.generates)['./src/generated/']],
];

/**
 * Does the same as `graphql-codegen` with codegen.ts, by the libraries that it uses: the command-line package would pull in
 * hundreds of packages.
 *
 * @returns the generated texts by file name
 */
export async function generate(): Promise<Record<string, string>> {
  const text = readFileSync(new URL(config.schema, HERE), 'utf8');
  const files = await preset.buildGeneratesSection({
    baseOutputDir: folder,
    schema: parse(text),
    schemaAst: buildSchema(text),
    documents: readOperations(),
    config: target.config,
    presetConfig: target.presetConfig,
    plugins: [],
    pluginMap: {},
  });
  const generated = await Promise.all(
    files.map(async (file) => [basename(file.filename), await codegen(file)] as const),
  );
  return Object.fromEntries(generated);
}

/** Reads the operations in the sources: the text inside graphql(`...`). */
function readOperations() {
  const sources = new URL('src/', HERE);
  return readdirSync(sources)
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => {
      const source = readFileSync(new URL(name, sources), 'utf8');
      return [...source.matchAll(/graphql\(`([^`]*)`\)/g)].map(([, rawSDL = '']) => ({
        location: `src/${name}`,
        document: parse(rawSDL),
        rawSDL,
      }));
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, content] of Object.entries(await generate())) {
    const file = new URL(`${folder}${name}`, HERE);
    mkdirSync(dirname(fileURLToPath(file)), { recursive: true });
    writeFileSync(file, content);
  }
}
