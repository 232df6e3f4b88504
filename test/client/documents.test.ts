import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type DocumentNode,
  type GraphQLObjectType,
  type GraphQLType,
  getNamedType,
  getOperationAST,
  isInputObjectType,
  isRequiredInputField,
  Kind,
  type NamedTypeNode,
  TypeInfo,
  typeFromAST,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../../packages/client/generate.ts';
import * as documents from '../../packages/client/src/generated/documents.ts';
import { OWN_OPERATIONS, request } from '../../packages/client/src/index.ts';
import { registerAdmin } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createClient } from './support/client.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const schema = buildSchema(read('schema.graphql'));
const operations = Object.entries(documents)
  .filter(([name]) => name.endsWith('Document'))
  .map(([name, document]) => [name, document as unknown as DocumentNode] as const);

/** The fields at the root that the documents ask for. */
const asked = operations.flatMap(([, document]) =>
  getOperationAST(document)?.selectionSet.selections.map((selection) =>
    selection.kind === Kind.FIELD ? selection.name.value : '',
  ),
);

describe('the typed documents', () => {
  it.each(['Query', 'Mutation'])('have every field of %s', (root) => {
    const fields = Object.keys((schema.getType(root) as GraphQLObjectType).getFields());
    expect(fields.filter((field) => !asked.includes(field))).toEqual([]);
  });

  it('have every field of admin', () => {
    const fields = Object.keys((schema.getType('Admin') as GraphQLObjectType).getFields());
    const text = JSON.stringify(operations.filter(([name]) => name.startsWith('Admin')));
    expect(fields.filter((field) => !text.includes(`"value":"${field}"`))).toEqual([]);
  });

  it('have every field of what they list and count, and every argument of admin', () => {
    const found = new Set<string>();
    const info = new TypeInfo(schema);
    const note = visitWithTypeInfo(info, {
      Field: ({ name }) => void found.add(`${info.getParentType()}.${name.value}`),
      Argument: ({ name }) => void found.add(`${info.getFieldDef()?.name}(${name.value})`),
    });
    for (const [, document] of operations) visit(document, note);
    const fieldsOf = (type: string) =>
      Object.values((schema.getType(type) as GraphQLObjectType).getFields());
    const wanted = [
      ...['AuditEvent', 'Dashboard', 'PublicProfile', 'Session', 'Tokens'].flatMap((type) =>
        fieldsOf(type).map(({ name }) => `${type}.${name}`),
      ),
      ...fieldsOf('Admin').flatMap(({ name, args }) => args.map((arg) => `${name}(${arg.name})`)),
    ];
    expect(wanted.filter((name) => !found.has(name))).toEqual([]);
  });

  it.each(operations)('%s is valid', (_name, document) => {
    expect(validate(schema, document)).toEqual([]);
  });

  it('are what the generator makes of schema.graphql now (npm run -w packages/client documents)', async () => {
    for (const [name, text] of Object.entries(await generate())) {
      expect(read(`packages/client/src/generated/${name}`)).toBe(text);
    }
  });
});

describe('the service', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.close());

  const SCALARS: Record<string, unknown> = {
    ID: '01890000-0000-7000-8000-000000000000',
    String: 'x',
    Boolean: false,
  };

  it.each(operations)('runs %s within its limits', async (_name, document) => {
    const { latchkey } = createClient(app);
    await latchkey.signIn(await registerAdmin(app));
    const given = getOperationAST(document)?.variableDefinitions ?? [];
    const variables = given
      .filter(({ type }) => type.kind === Kind.NON_NULL_TYPE)
      .map(({ variable, type }) => [
        variable.name.value,
        sample(typeFromAST(schema, type as NamedTypeNode)),
      ]);
    expect(await request(latchkey, document, Object.fromEntries(variables))).toBeTypeOf('object');
  });

  /** Something that the type takes. */
  function sample(type: GraphQLType | undefined): unknown {
    const named = getNamedType(type);
    if (!isInputObjectType(named)) return SCALARS[named?.name ?? ''];
    const required = Object.values(named.getFields()).filter(isRequiredInputField);
    return Object.fromEntries(required.map((field) => [field.name, sample(field.type)]));
  }

  it.each(Object.entries(OWN_OPERATIONS))('runs %s', async (_name, query) => {
    const { errors } = await app.gql(query, {});
    expect(errors).toBeUndefined();
  });
});
