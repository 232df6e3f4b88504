import { type DocumentNode, Kind } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from './context.ts';

const NAME_LENGTH = 100;

/** Tells the request's log line which operation it ran. */
export function useOperationName(): Plugin<Context> {
  return {
    onExecute({ args }) {
      const { facts } = args.contextValue.http;
      facts.operation = (args.operationName ?? nameOf(args.document)).slice(0, NAME_LENGTH);
    },
  };
}

function nameOf(document: DocumentNode): string {
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      return definition.name?.value ?? `anonymous ${definition.operation}`;
    }
  }
  return '';
}
