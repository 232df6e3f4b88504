// What `graphql-codegen` of @graphql-codegen/cli reads.
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
        // Node's own resolution ("nodenext") wants the extension; with a bundler leave this line out
        importExtension: '.js',
        scalars: { DateTime: 'string', JSON: 'unknown' },
        useTypeImports: true,
      },
    },
  },
};

export default config;
