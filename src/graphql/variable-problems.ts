import {
  coerceInputValue,
  GraphQLError,
  type GraphQLInputType,
  getOperationAST,
  isInputType,
  isNonNullType,
  typeFromAST,
  type VariableDefinitionNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { MOST_ERRORS, safeMessage } from './request-problem.ts';
import { schema } from './schema.ts';

/**
 * Rejects variables of the wrong type before execution, naming path and expected type. The executor's own messages
 * quote the value, which is often a password, and take seconds for an object with thousands of unknown fields.
 */
export function useVariableCheck(): Plugin {
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const operation = getOperationAST(args.document, args.operationName);
      const definitions = operation?.variableDefinitions;
      if (definitions === undefined || definitions.length === 0) return;
      const errors = variableProblems(definitions, args.variableValues ?? {});
      if (errors.length > 0) setResultAndStopExecution({ errors });
    },
  };
}

const ENOUGH = Symbol('enough problems');

function variableProblems(
  definitions: readonly VariableDefinitionNode[],
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  const problems: GraphQLError[] = [];
  try {
    for (const definition of definitions) {
      checkVariable(definition, variables, (message) => {
        problems.push(new GraphQLError(message, { nodes: definition }));
        // throwing is the only way to stop graphql-js from checking the rest of an object or list
        if (problems.length === MOST_ERRORS) throw ENOUGH;
      });
    }
  } catch (thrown) {
    if (thrown !== ENOUGH) throw thrown;
  }
  return problems;
}

function checkVariable(
  definition: VariableDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  report: (message: string) => void,
): void {
  const name = definition.variable.name.value;
  const type = typeFromAST(schema, definition.type);
  // the document has been validated
  if (!isInputType(type)) return;
  const given = Object.hasOwn(variables, name);
  const value = variables[name];
  if (!given || value === null) {
    const problem = problemOfNothing(definition, type, given);
    if (problem !== undefined) report(`Variable "$${name}" ${problem}`);
    return;
  }
  coerceInputValue(
    value,
    type,
    (path, _value, error) => {
      const place = path.length === 0 ? '' : ` at "${[name, ...path].join('.')}"`;
      report(`Variable "$${name}" is not valid${place}: ${safeMessage(error.message)}`);
    },
    true,
  );
}

function problemOfNothing(
  definition: VariableDefinitionNode,
  type: GraphQLInputType,
  isNull: boolean,
): string | undefined {
  if (!isNonNullType(type)) return undefined;
  if (isNull) return `of non-null type "${type}" must not be null.`;
  if (definition.defaultValue !== undefined) return undefined;
  return `of required type "${type}" was not provided.`;
}
