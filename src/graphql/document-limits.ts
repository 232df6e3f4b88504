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

// Nobody reads further errors, and each costs a way through the text for its line. Hints are taken out of them anyway.
const BRIEFLY = { maxErrors: MOST_ERRORS, hideSuggestions: true };

// All fields of one name are compared with each other. Answers of ten types that all have a message stay far below.
const MOST_OF_ONE_NAME = 50;

/**
 * Refuses documents that would cost too much or are made for guessing, before anything of them is validated or run: the
 * usual rules take exponential time over some documents that these refuse.
 *
 * A limit's message names its variable, so that a developer who meets it knows what to raise.
 */
export function useDocumentLimits({ documentLimits, introspection }: Config): Plugin {
  const { tokens: maxTokens, lines } = documentLimits;
  const limits = (context: ValidationContext) => documentRule(context, documentLimits);
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])];
  // Set once and called for new documents alone. A rule added to each validation would cost each request, known document
  // or not: the names of all rules are the key under which Yoga remembers the outcome.
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

/** Bounds the lines: whatever is wrong later, the place of each error is found by counting them. */
function checkLines(source: string | Source, limit: number): void {
  const text = typeof source === 'string' ? source : source.body;
  const ends = /\r\n|[\n\r]/g;
  for (let lines = 1; ends.exec(text) !== null; lines++) {
    if (lines === limit) throw tooMuch(`has more than ${limit} lines`, 'MAX_LINES');
  }
}

function documentRule(context: ValidationContext, limits: Config['documentLimits']): ASTVisitor {
  return {
    // the first thing of all that is visited, whatever comes first in the document
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
          // what no operation uses is not run, but validated like everything else
          for (const rule of amounts) check(rule, definition);
          checkNames(definition.selectionSet, new Map());
        }
      }
    },
  };
}

type Definition = OperationDefinitionNode | FragmentDefinitionNode;

/** A rule of the packages, made once for a document: it remembers the fragments that it has been through. */
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
      // the package lets any number of aliases of __typename pass
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

/** Fields of one name in one place, and the names under them, which belong together as those of one field do. */
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
