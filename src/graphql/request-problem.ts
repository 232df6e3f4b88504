import {
  coerceInputValue,
  GraphQLError,
  getOperationAST,
  isInputType,
  parse,
  typeFromAST,
} from 'graphql';
import { schema } from './schema.ts';

// What graphql-js says of a wrong value ends in the value itself, and wrong values are passwords as often as not.
const REWRITES: readonly (readonly [RegExp, string])[] = [
  [/^Argument "([^"]+)" has invalid value [\s\S]*$/, 'Argument "$1" has an invalid value.'],
  [/^Enum "(\w+)" cannot represent .*$/s, 'Expected one of the values of the enum $1.'],
  [
    /^Value ".*" does not exist in "(\w+)" enum\..*$/s,
    'Expected one of the values of the enum $1.',
  ],
  [/^(\w+) cannot represent .*$/s, 'Expected a value of the type $1.'],
  [/^Expected value of type "([^"]+)", found .*$/s, 'Expected a value of the type $1.'],
  [/^Expected type "([^"]+)".*$/s, 'Expected a value of the type $1.'],
];

// a name of ninety kilobytes is not worth saying back
const LONGEST_MESSAGE = 400;

const TOO_MANY_TOKENS = '$1. Split it, or have the operator raise MAX_TOKENS.';

/** A message about a request, without the values in it and without hints at names that the client did not know. */
export function safeMessage(message: string): string {
  return plainMessage(message).slice(0, LONGEST_MESSAGE);
}

function plainMessage(message: string): string {
  const plain = message
    .replace(/ ?Did you mean .*\?$/s, '')
    .replace(/^Syntax Error: (Document contains more that \d+ tokens)\. .*$/, TOO_MANY_TOKENS);
  if (plain.startsWith('Syntax Error: ')) return safeSyntaxMessage(plain);
  for (const [pattern, replacement] of REWRITES) {
    if (pattern.test(plain)) return plain.replace(pattern, replacement);
  }
  return plain;
}

/** Keeps which kind of token was found, and drops what it was: a quotation mark forgotten turns a password into a name. */
function safeSyntaxMessage(message: string): string {
  return message
    .replace(/\b(String|BlockString|Name|Int|Float|Comment) "[\s\S]*"/, '$1')
    .replace(/(Invalid [\w ]+): [\s\S]*$/, '$1.');
}

/**
 * What is wrong with the variables of a request, by path and expected type. graphql-js's own messages quote the value.
 *
 * @returns nothing when the request cannot be read so far
 */
export function variableProblems(
  query: string,
  operationName: string | null | undefined,
  variables: Record<string, unknown> | undefined,
): GraphQLError[] {
  const operation = getOperationAST(parse(query), operationName);
  const problems: GraphQLError[] = [];
  for (const definition of operation?.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    const value = variables?.[name];
    if (!isInputType(type) || (value === undefined && definition.defaultValue !== undefined))
      continue;
    coerceInputValue(value, type, (path, _value, error) => {
      const place = path.length === 0 ? '' : ` at "${[name, ...path].join('.')}"`;
      const message = `Variable "$${name}" is not valid${place}: ${safeMessage(error.message)}`;
      problems.push(
        new GraphQLError(message, { nodes: definition, extensions: { code: 'BAD_USER_INPUT' } }),
      );
    });
  }
  return problems.slice(0, 10);
}
