import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  type ASTVisitor,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  type SelectionSetNode,
  specifiedRules,
  type ValidationContext,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Config } from '../config.ts';
import { RATE_LIMITS } from '../rate-limits.ts';

/**
 * Refuses documents that would cost too much or are made for guessing, before anything of them is validated or run: the
 * usual rules take exponential time over some documents that these refuse.
 *
 * A limit's message names its variable, so that a developer who meets it knows what to raise.
 */
export function useDocumentLimits({ documentLimits, introspection }: Config): Plugin {
  const maxTokens = documentLimits.tokens;
  const limits = (context: ValidationContext) => documentRule(context, documentLimits);
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])];
  // Set once and called for new documents alone. A rule added to each validation would cost each request, known document
  // or not: the names of all rules are the key under which Yoga remembers the outcome.
  const validateWithin: typeof validate = (schema, document) => {
    const refused = validate(schema, document, [limits]);
    return refused.length > 0 ? refused : validate(schema, document, rules);
  };
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => parseFn(source, { ...options, maxTokens }));
    },
    onValidate({ setValidationFn }) {
      setValidationFn(validateWithin);
    },
  };
}

function documentRule(context: ValidationContext, limits: Config['documentLimits']): ASTVisitor {
  return {
    // the first thing of all that is visited, whatever comes first in the document
    Document(document) {
      for (const definition of document.definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        checkShape(context, definition, limits);
        checkRootFields(context, definition, limits.rootFields);
      }
    },
  };
}

function checkShape(
  context: ValidationContext,
  operation: OperationDefinitionNode,
  limits: Config['documentLimits'],
): void {
  const rules = [
    maxDepthRule({
      n: limits.depth,
      flattenFragments: true,
      ...refusing(`nests deeper than ${limits.depth} levels`, 'MAX_DEPTH'),
    }),
    maxAliasesRule({
      n: limits.aliases,
      // the package lets any number of aliases of __typename pass
      allowList: [],
      ...refusing(`has more than ${limits.aliases} aliases`, 'MAX_ALIASES'),
    }),
    maxDirectivesRule({
      n: limits.directives,
      ...refusing(`has more than ${limits.directives} directives`, 'MAX_DIRECTIVES'),
    }),
  ];
  for (const rule of rules) {
    const visitor = rule(context);
    visitor.OperationDefinition.enter.call(visitor, operation);
  }
}

function refusing(problem: string, variable: string) {
  return {
    onReject: [
      () => {
        throw tooMuch(problem, variable);
      },
    ],
  };
}

function tooMuch(problem: string, variable: string): GraphQLError {
  return new GraphQLError(
    `The document ${problem}. Split it, or have the operator raise ${variable}.`,
  );
}

/**
 * Bounds the fields at the root, and lets one field alone carry a password, code or token: a document that tries fifty
 * passwords under fifty names is nothing but an attack.
 */
function checkRootFields(
  context: ValidationContext,
  operation: OperationDefinitionNode,
  rootFields: number,
): void {
  const names = rootFieldNames(context, operation.selectionSet, new Set());
  if (names.length > rootFields) {
    throw tooMuch(`asks for more than ${rootFields} fields at its root`, 'MAX_ROOT_FIELDS');
  }
  if (operation.operation !== 'mutation') return;
  if (names.filter((name) => Object.hasOwn(RATE_LIMITS, name)).length > 1) {
    throw new GraphQLError(
      'A document may hold one mutation that takes a password, code or token. Send them one by one.',
    );
  }
}

function rootFieldNames(
  context: ValidationContext,
  { selections }: SelectionSetNode,
  seen: Set<string>,
): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection.name.value];
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return rootFieldNames(context, selection.selectionSet, seen);
    }
    const name = selection.name.value;
    const fragment = seen.has(name) ? undefined : context.getFragment(name);
    seen.add(name);
    return fragment == null ? [] : rootFieldNames(context, fragment.selectionSet, seen);
  });
}
