// Generates typed documents for the operations of the pages from ../schema.graphql. The operations of the admin pages get
// their own module, because the bundler can keep only whole modules out of the initial load.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { formatDocument, stringifyDocument } from '@urql/core';
import { buildASTSchema, isEnumType, Kind, parse, visit } from 'graphql';

const WEB = dirname(fileURLToPath(import.meta.url));
const OPERATIONS = join(WEB, 'src/operations');
const GENERATED = join(WEB, 'src/generated');
const EVENT_TYPES = join(GENERATED, 'audit-event-types.ts');

/** @returns {Promise<Record<string, string>>} the text of each generated file, by path */
export async function generateDocuments() {
  const schema = parse(readFileSync(join(WEB, '../schema.graphql'), 'utf8'));
  const files = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
  const generated = await Promise.all(files.map((name) => generate(schema, name)));
  return Object.fromEntries([...generated, [EVENT_TYPES, listEventTypes(schema)]]);
}

/** @returns {Record<string, string>} the documents by operation name, exactly as the pages send them */
export function listOperations() {
  const files = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
  return Object.assign({}, ...files.map((name) => operationsOf(parse(readOperations(name)))));
}

/** @param {import('graphql').DocumentNode} document */
function operationsOf({ definitions }) {
  /** @type {Record<string, string>} */
  const texts = {};
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const used = [definition];
    // the loop also visits the fragments that it appends
    for (const part of used) {
      visit(part, {
        FragmentSpread({ name }) {
          const fragment = definitions.find(
            (other) => other.kind === Kind.FRAGMENT_DEFINITION && other.name.value === name.value,
          );
          if (fragment && !used.includes(fragment)) used.push(fragment);
        },
      });
    }
    const document = formatDocument({ kind: Kind.DOCUMENT, definitions: used });
    texts[definition.name?.value ?? ''] = stringifyDocument(document);
  }
  return texts;
}

/** Writes the generated files that are missing or outdated. */
export async function writeDocuments() {
  mkdirSync(GENERATED, { recursive: true });
  for (const [path, text] of Object.entries(await generateDocuments())) {
    if (readIfThere(path) !== text) writeFileSync(path, text);
  }
}

/**
 * @param {import('graphql').DocumentNode} schema
 * @param {string} name
 * @returns {Promise<[string, string]>}
 */
async function generate(schema, name) {
  const rawSDL = readOperations(name);
  const documents = [{ location: name, rawSDL, document: parse(rawSDL) }];
  const sections = await preset.buildGeneratesSection({
    baseOutputDir: `${GENERATED}/`,
    schema,
    schemaAst: buildASTSchema(schema),
    documents,
    config: {
      useTypeImports: true,
      strictScalars: true,
      scalars: { DateTime: 'string', JSON: 'unknown' },
    },
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
    pluginContext: {},
    profiler: { run: (work) => work() },
  });
  const section = sections.find(({ filename }) => filename.endsWith('/graphql.ts'));
  if (!section) throw new Error('The client preset has no section for operations any more.');
  return [
    join(GENERATED, name.replace('.graphql', '.ts')),
    await codegen({ ...section, schema, schemaAst: buildASTSchema(schema) }),
  ];
}

/**
 * Lists the event types as a value, for the filter of the audit log: TypeScript types do not exist at run time.
 *
 * @param {import('graphql').DocumentNode} schema
 */
function listEventTypes(schema) {
  const type = buildASTSchema(schema).getType('AuditEventType');
  if (!isEnumType(type)) throw new Error('The schema has no enum AuditEventType any more.');
  const names = type.getValues().map(({ name }) => name);
  return `export const AUDIT_EVENT_TYPES = ${JSON.stringify(names)} as const;\n`;
}

/** @param {string} name */
function readOperations(name) {
  return readFileSync(join(OPERATIONS, name), 'utf8');
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
