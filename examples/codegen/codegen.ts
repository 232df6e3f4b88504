// What `graphql-codegen` of @graphql-codegen/cli reads. Your schema may also be the address of a running service.
const config = {
  schema: '../../schema.graphql',
  documents: ['src/**/*.ts'],
  generates: {
    './src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumType: 'string-literal',
        importExtension: '.ts',
        scalars: { DateTime: 'string', JSON: 'unknown' },
        useTypeImports: true,
      },
    },
  },
};

export default config;
