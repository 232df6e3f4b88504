// The configuration for `graphql-codegen` from @graphql-codegen/cli.
const config = {
  // in a project of your own: 'node_modules/@latchkey/client/schema.graphql'
  schema: '../../schema.graphql',
  documents: ['src/**/*.{ts,tsx}'],
  generates: {
    './src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        enumType: 'string-literal',
        // Node's own module resolution ("nodenext") needs the extension; with a bundler, remove this line
        importExtension: '.js',
        scalars: { DateTime: 'string', JSON: 'unknown' },
        useTypeImports: true,
      },
    },
  },
};

export default config;
