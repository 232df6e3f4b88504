// Bundles the service and most of its dependencies into dist/bundle/process.js, which dist/main.js runs.

import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT = join(ROOT, 'dist/bundle');

// native modules, packages that load their own files, and packages that are loaded only when needed
const LEFT_OUT = [
  '@node-rs/argon2',
  'bcrypt',
  'mysql2',
  'pino',
  'redis',
  'prom-client',
  'csv-parse',
  '@graphql-yoga/render-graphiql',
];

/** @param {string} id */
const isLeftOut = (id) => LEFT_OUT.some((name) => id === name || id.startsWith(`${name}/`));

/** @param {string} code */
function inAscii(code) {
  // after a backslash, the inserted escape would be read as an escaped backslash and a "u"
  if (/\\[^\0-\x7f]/.test(code))
    throw new Error('A backslash stands before a character beyond ASCII.');
  return code.replace(/[^\0-\x7f]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

await build({
  root: ROOT,
  configFile: false,
  logLevel: 'error',
  // the package's package.json points to a file that does not exist
  resolve: {
    alias: [
      {
        find: /^graphql-rate-limit$/,
        replacement: join(ROOT, 'node_modules/graphql-rate-limit/dist/esm/index.js'),
      },
    ],
  },
  ssr: { noExternal: true, target: 'node' },
  plugins: [
    {
      name: 'modules-know-where-they-were',
      resolveImportMeta(property, { moduleId }) {
        if (property !== 'url') return null;
        return `new URL(${JSON.stringify(relative(OUTPUT, moduleId))}, import.meta.url).href`;
      },
    },
    {
      // such characters occur only in strings and comments, and a single one makes V8 store the whole source at two bytes a
      // character
      name: 'characters-beyond-ascii-are-escaped',
      generateBundle(_options, files) {
        for (const file of Object.values(files)) {
          if (file.type === 'chunk') file.code = inAscii(file.code);
        }
      },
    },
  ],
  build: {
    ssr: true,
    target: 'node20',
    outDir: OUTPUT,
    minify: false,
    rollupOptions: {
      input: join(ROOT, 'src/process.ts'),
      external: (id) => id.startsWith('node:') || isLeftOut(id),
      output: { chunkFileNames: '[name]-[hash].js' },
    },
  },
});
