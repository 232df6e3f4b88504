// Runs `gql.tada generate-output` with this example's own TypeScript. In a project with TypeScript 5 the plain command works;
// in this repository it would find the root's TypeScript, which lacks the API that gql.tada needs.
import { createRequire, register } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const typescript = pathToFileURL(require.resolve('typescript')).href;
const hook = `export const resolve = (name, context, next) => name === 'typescript'
  ? { url: '${typescript}', format: 'commonjs', shortCircuit: true }
  : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

process.chdir(import.meta.dirname);
process.argv.splice(2, 0, 'generate-output');
const cli = join(dirname(require.resolve('gql.tada/package.json')), 'bin/cli.js');
await import(pathToFileURL(cli).href);
