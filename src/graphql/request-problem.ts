/** How many errors one answer tells: a request of a thousand mistakes is not worth as many messages. */
export const MOST_ERRORS = 10;

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
  // all that graphql-js says where fields and fragments would have to be compared without end
  [/^Validation aborted\.$/, 'Too many fields and fragments of the document meet in one place.'],
];

// a name of ninety kilobytes is not worth saying back
const LONGEST_MESSAGE = 400;

const TOO_MANY_TOKENS = '$1. Split it, or have the operator raise MAX_TOKENS.';

/** A message about a request, without the values in it and without hints at names that the client did not know. */
export function safeMessage(message: string): string {
  return plainMessage(message).slice(0, LONGEST_MESSAGE);
}

function plainMessage(message: string): string {
  const plain = withoutHint(message).replace(
    /^Syntax Error: (Document contains more that \d+ tokens)\. .*$/,
    TOO_MANY_TOKENS,
  );
  if (plain.startsWith('Syntax Error: ')) return safeSyntaxMessage(plain);
  for (const [pattern, replacement] of REWRITES) {
    if (pattern.test(plain)) return plain.replace(pattern, replacement);
  }
  return plain;
}

/** By searching the text once: a pattern would start again at each of the thousand hints that a value can hold. */
function withoutHint(message: string): string {
  const start = message.endsWith('?') ? message.indexOf('Did you mean ') : -1;
  return start === -1 ? message : message.slice(0, start).replace(/ $/, '');
}

/** Keeps which kind of token was found, and drops what it was: a quotation mark forgotten turns a password into a name. */
function safeSyntaxMessage(message: string): string {
  return message
    .replace(/\b(String|BlockString|Name|Int|Float|Comment) "[\s\S]*"/, '$1')
    .replace(/(Invalid [\w ]+): [\s\S]*$/, '$1.');
}
