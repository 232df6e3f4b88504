import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from './context.ts';

const NAME_LENGTH = 100;

/** Adds the operation's name, which clients make up, and its root field, which they cannot, to the request's log line. */
export function useOperationName(): Plugin<Context> {
  return {
    onExecute({ args }) {
      const { facts } = args.contextValue.http;
      const operation = operationOf(args.document, args.operationName);
      facts.operation = nameOf(operation).slice(0, NAME_LENGTH);
      facts.field = fieldOf(operation);
    },
  };
}

function operationOf(
  document: DocumentNode,
  name: string | null | undefined,
): OperationDefinitionNode | undefined {
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (name == null || definition.name?.value === name) return definition;
  }
  return undefined;
}

function nameOf(operation: OperationDefinitionNode | undefined): string {
  if (operation === undefined) return '';
  return operation.name?.value ?? `anonymous ${operation.operation}`;
}

/** The requested root field, or `several`. The document has been validated, so the field exists in the schema. */
function fieldOf(operation: OperationDefinitionNode | undefined): string {
  const [first, ...others] = operation?.selectionSet.selections ?? [];
  return first?.kind === Kind.FIELD && others.length === 0 ? first.name.value : 'several';
}
