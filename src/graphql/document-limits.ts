import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type Source,
  specifiedRules,
  type ValidationContext,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Config } from '../config.ts';
import { RATE_LIMITS } from '../rate-limits.ts';
import { MOST_ERRORS } from './request-problem.ts';

// Report few errors: nobody reads more, and each costs a scan of the text for its line. Suggestions are removed from
// messages anyway.
const BRIEFLY = { maxErrors: MOST_ERRORS, hideSuggestions: true };

// Validation compares all fields of one response name with each other. Asking ten types of a union for `message` each
// stays far below this.
const MOST_OF_ONE_NAME = 50;

/**
 * Rejects documents that are too expensive or built for guessing. It does so before validation and execution, because
 * some of these documents take graphql-js's standard rules exponential time.
 *
 * Each message names the variable of its limit, so that a developer who meets it knows what to raise.
 */
export function useDocumentLimits({ documentLimits, introspection }: Config): Plugin {
  const { tokens: maxTokens, lines } = documentLimits;
  const limits = (context: ValidationContext) => documentRule(context, documentLimits);
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])];
  // Replaces `validate`, which runs for new documents only. Adding a rule to each validation would cost every request,
  // because Yoga's validation cache has the names of all rules in its key.
  const validateWithin: typeof validate = (schema, document) => {
    const refused = validate(schema, document, [limits]);
    return refused.length > 0 ? refused : validate(schema, document, rules, BRIEFLY);
  };
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => {
        checkLines(source, lines);
        return parseFn(source, { ...options, maxTokens });
      });
    },
    onValidate({ setValidationFn }) {
      setValidationFn(validateWithin);
    },
  };
}

/** Limits the number of lines, because graphql-js locates each later error by counting lines. */
function checkLines(source: string | Source, limit: number): void {
  const text = typeof source === 'string' ? source : source.body;
  const ends = /\r\n|[\n\r]/g;
  for (let lines = 1; ends.exec(text) !== null; lines++) {
    if (lines === limit) throw tooMuch(`has more than ${limit} lines`, 'MAX_LINES');
  }
}

function documentRule(context: ValidationContext, limits: Config['documentLimits']): ASTVisitor {
  return {
    // the first node to be visited, so this runs before everything else
    Document({ definitions }) {
      const depth = depthRule(context, limits);
      const amounts = amountRules(context, limits);
      for (const definition of definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        for (const rule of [depth, ...amounts]) check(rule, definition);
        checkRootFields(context, definition, limits.rootFields);
      }
      for (const definition of definitions) {
        if (definition.kind === Kind.OPERATION_DEFINITION) {
          checkNames(definition.selectionSet, new Map());
        } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
          // an unused fragment is not executed, but it is validated
          for (const rule of amounts) check(rule, definition);
          checkNames(definition.selectionSet, new Map());
        }
      }
    },
  };
}

type Definition = OperationDefinitionNode | FragmentDefinitionNode;

/** A rule of graphql-armor, made anew for each document, because it remembers the fragments it has visited. */
type Rule = ReturnType<ReturnType<typeof maxAliasesRule>>;

function check(rule: Pick<Rule, 'OperationDefinition'>, definition: Definition): void {
  rule.OperationDefinition.enter.call(rule, definition);
}

function depthRule(context: ValidationContext, { depth }: Config['documentLimits']) {
  const options = {
    n: depth,
    flattenFragments: true,
    ...refusing(`nests deeper than ${depth} levels`, 'MAX_DEPTH'),
  };
  return maxDepthRule(options)(context);
}

function amountRules(context: ValidationContext, limits: Config['documentLimits']) {
  const rules = [
    maxAliasesRule({
      n: limits.aliases,
      // by default the package does not count aliases of __typename
      allowList: [],
      ...refusing(`has more than ${limits.aliases} aliases`, 'MAX_ALIASES'),
    }),
    maxDirectivesRule({
      n: limits.directives,
      ...refusing(`has more than ${limits.directives} directives`, 'MAX_DIRECTIVES'),
    }),
  ];
  return rules.map((rule) => rule(context));
}

/** How often a response name occurs in one place, and the names below it, merged as GraphQL merges fields of one name. */
interface Named {
  times: number;
  readonly below: Map<string, Named>;
}

function checkNames({ selections }: SelectionSetNode, names: Map<string, Named>): void {
  for (const selection of selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) checkNames(selection.selectionSet, names);
    if (selection.kind !== Kind.FIELD) continue;
    const name = (selection.alias ?? selection.name).value;
    const named = names.get(name) ?? { times: 0, below: new Map() };
    names.set(name, named);
    named.times += 1;
    if (named.times > MOST_OF_ONE_NAME) {
      throw new GraphQLError(
        `The document asks for one field more than ${MOST_OF_ONE_NAME} times in one place. Ask once for "${name}".`,
      );
    }
    if (selection.selectionSet !== undefined) checkNames(selection.selectionSet, named.below);
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
 * Limits the root fields, and allows only one mutation that takes a password, code or token: a document that tries
 * fifty passwords under fifty aliases is always an attack.
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
