import { readFileSync } from 'node:fs';
import { GraphQLError, parse, print, visit } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { ConfigError } from '../config-error.ts';

const NOT_LISTED =
  'This service runs only the operations that were registered with it. Have the operator add this one to PERSISTED_OPERATIONS.';
// far more than any hand-written document has, and few enough that parsing nested ones cannot overflow the stack
const MOST_TOKENS = 10_000;

/**
 * Runs only the documents in these files, so that nobody can send operations that the team's own applications do not
 * use. White space and commas are ignored, and so is `__typename`, which Apollo Client and urql add to what they send.
 *
 * @param paths JSON files with documents by any name, such as `persisted-documents.json` of GraphQL Code Generator, or
 *   with lists of documents
 * @throws {ConfigError} when a file cannot be read like this
 */
export function useTrustedDocuments(paths: readonly string[]): Plugin {
  const trusted = new Set(paths.flatMap(readDocuments));
  // texts accepted before: clients send the same few again and again, which then need no parsing
  const known = new Set<string>();
  return {
    onParams({ params, setResult }) {
      const query = params.query ?? '';
      if (known.has(query)) return;
      if (!isAmong(trusted, query)) {
        setResult({ errors: [new GraphQLError(NOT_LISTED)] });
      } else if (known.size < trusted.size * 10) {
        known.add(query);
      }
    },
  };
}

function isAmong(trusted: ReadonlySet<string>, text: string): boolean {
  try {
    return trusted.has(plain(text));
  } catch {
    return false;
  }
}

function readDocuments(path: string): string[] {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof content === 'object' && content !== null) {
      const documents = Object.values(content).map(readDocument);
      if (documents.length > 0) return documents;
    }
  } catch {
    // any failure is reported below
  }
  throw new ConfigError([
    'PERSISTED_OPERATIONS must be a JSON file of GraphQL documents, as a list or by name',
  ]);
}

/** @throws when the text is not a document */
function readDocument(text: unknown): string {
  if (typeof text !== 'string') throw new TypeError('A document is a text.');
  return plain(text);
}

/**
 * A document in canonical form, without the differences that are ignored.
 *
 * @throws when the text is not a document
 */
function plain(text: string): string {
  const document = parse(text, { noLocation: true, maxTokens: MOST_TOKENS });
  return print(
    visit(document, {
      Field: ({ name, alias }) =>
        name.value === '__typename' && alias === undefined ? null : undefined,
    }),
  );
}
