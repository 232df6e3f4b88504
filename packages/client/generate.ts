import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as operationTypes from '@graphql-codegen/typescript-operations';
import {
  buildSchema,
  type GraphQLAbstractType,
  type GraphQLSchema,
  isAbstractType,
  parse,
} from 'graphql';

const SCHEMA = new URL('../../schema.graphql', import.meta.url);
const OPERATIONS = new URL('operations/', import.meta.url);
const GENERATED = new URL('src/generated/', import.meta.url);

const HEADER = '// Generated from schema.graphql and operations/ by `npm run documents`.\n\n';

const OPTIONS = {
  scalars: {
    ID: 'string',
    DateTime: 'string',
    JSON: 'unknown',
  },
  enumType: 'string-literal',
  defaultScalarType: 'unknown',
  documentMode: 'documentNode',
  documentNodeImport: '../typed-document.ts#TypedDocument',
  fragmentVariableSuffix: 'Fragment',
  optimizeDocumentNode: true,
  useTypeImports: true,
  inputMaybeValue: 'T | null | undefined',
};

/** Generates the files. @returns their texts by file name */
export async function generate(): Promise<Record<string, string>> {
  const schemaText = readFileSync(SCHEMA, 'utf8');
  const schema = buildSchema(schemaText);
  const generated = await codegen({
    filename: 'documents.ts',
    schema: parse(schemaText),
    documents: readOperations(),
    config: OPTIONS,
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations: operationTypes, documents: typedDocuments },
  });
  return {
    'documents.ts': `${HEADER}${generated}`,
    'possible-types.ts': `${HEADER}${possibleTypes(schema)}`,
  };
}

function readOperations() {
  const read = (name: string) => parse(readFileSync(new URL(name, OPERATIONS), 'utf8'));
  const files = readdirSync(OPERATIONS).sort();
  return files.map((location) => ({ location, document: read(location) }));
}

function possibleTypes(schema: GraphQLSchema): string {
  const abstract = Object.values(schema.getTypeMap()).filter(isAbstractType);
  const entries = abstract.map(({ name }) => {
    const types = schema.getPossibleTypes(schema.getType(name) as GraphQLAbstractType);
    return `  ${name}: [${types.map((type) => `'${type.name}'`).join(', ')}],`;
  });
  return `/** For \`new InMemoryCache({ possibleTypes })\`: what unions and \`... on Error\` stand for. */
export const possibleTypes: Record<string, string[]> = {
${entries.join('\n')}
};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await generate())) {
    writeFileSync(new URL(name, GENERATED), text);
  }
}
