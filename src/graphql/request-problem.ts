/** How many errors an answer reports at most: a request with a thousand mistakes does not deserve a thousand messages. */
export const MOST_ERRORS = 10;

// Messages of graphql-js about wrong values end with the value itself, and wrong values are often passwords.
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
  // all that graphql-js says when comparing overlapping fields and fragments would take too long
  [/^Validation aborted\.$/, 'Too many fields and fragments of the document meet in one place.'],
];

// do not echo a name of ninety kilobytes
const LONGEST_MESSAGE = 400;

const TOO_MANY_TOKENS = '$1. Split it, or have the operator raise MAX_TOKENS.';

/** A message about a request, without its values, and without suggestions, which would reveal names to the client. */
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

/** Removes a suggestion in one search: a pattern would restart at each of the thousand hints that a value can contain. */
function withoutHint(message: string): string {
  const start = message.endsWith('?') ? message.indexOf('Did you mean ') : -1;
  return start === -1 ? message : message.slice(0, start).replace(/ $/, '');
}

/** Keeps the kind of an unexpected token and drops its text: a forgotten quotation mark turns a password into a name. */
function safeSyntaxMessage(message: string): string {
  return message
    .replace(/\b(String|BlockString|Name|Int|Float|Comment) "[\s\S]*"/, '$1')
    .replace(/(Invalid [\w ]+): [\s\S]*$/, '$1.');
}
