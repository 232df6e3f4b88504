import { readFileSync } from 'node:fs';
import { GraphQLError, parse, print, visit } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { ConfigError } from '../config-error.ts';

const NOT_LISTED =
  'This service runs only the operations that were registered with it. Have the operator add this one to PERSISTED_OPERATIONS.';
// far more than any document has that somebody wrote, and few enough that nested ones are read without running out of stack
const MOST_TOKENS = 10_000;

/**
 * Runs the documents of these files and no others, so that nobody can ask what the team's own applications do not. White space
 * and commas do not matter, and neither does `__typename`, which Apollo Client and urql add to what they send.
 *
 * @param paths JSON files of documents by any name, such as GraphQL Code Generator's `persisted-documents.json`, or lists of
 *   documents
 * @throws {ConfigError} when one cannot be read as that
 */
export function useTrustedDocuments(paths: readonly string[]): Plugin {
  const trusted = new Set(paths.flatMap(readDocuments));
  // as sent: the same few texts come again and again, and need not be taken apart each time
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
    // told below, whatever it was
  }
  throw new ConfigError([
    'PERSISTED_OPERATIONS must be a JSON file of GraphQL documents, as a list or by name',
  ]);
}

/** @throws when it is no document */
function readDocument(text: unknown): string {
  if (typeof text !== 'string') throw new TypeError('A document is a text.');
  return plain(text);
}

/**
 * A document without what makes no difference.
 *
 * @throws when it is none
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
