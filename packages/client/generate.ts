import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as operationTypes from '@graphql-codegen/typescript-operations';
import {
  buildSchema,
  type DocumentNode,
  type GraphQLAbstractType,
  type GraphQLSchema,
  isAbstractType,
  parse,
  validate,
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

/** What the generator makes: file name to text. */
export async function generate(): Promise<Record<string, string>> {
  const schemaText = readFileSync(SCHEMA, 'utf8');
  const schema = buildSchema(schemaText);
  const documents = readOperations(schema);
  const generated = await codegen({
    filename: 'documents.ts',
    schema: parse(schemaText),
    documents,
    config: OPTIONS,
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations: operationTypes, documents: typedDocuments },
  });
  return {
    'documents.ts': `${HEADER}${generated}`,
    'possible-types.ts': `${HEADER}${possibleTypes(schema)}`,
  };
}

/** The files of operations that the schema can answer; one whose fields it does not have yet waits for them. */
export function readOperations(
  schema: GraphQLSchema,
): { location: string; document: DocumentNode }[] {
  const files = readdirSync(OPERATIONS).sort();
  const read = (name: string) => readFileSync(new URL(name, OPERATIONS), 'utf8');
  const fragments = read('fragments.graphql');
  return files
    .filter(
      (name) =>
        name === 'fragments.graphql' ||
        !validate(schema, parse(`${fragments}${read(name)}`)).some(({ message }) =>
          /^(Cannot query field "\w+" on type "(Mutation|Query)"|Unknown type)/.test(message),
        ),
    )
    .map((name) => ({ location: name, document: parse(read(name)) }));
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
