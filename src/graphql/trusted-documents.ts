import { readFileSync } from 'node:fs';
import { GraphQLError, parse, stripIgnoredCharacters } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { ConfigError } from '../config-error.ts';

const NOT_LISTED =
  'This service runs only the operations that were registered with it. Have the operator add this one to PERSISTED_OPERATIONS.';

/**
 * Runs the documents of these files and no others, so that nobody can ask what the team's own applications do not. White space
 * and commas do not matter.
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
      if (!trusted.has(plain(query))) {
        setResult({ errors: [new GraphQLError(NOT_LISTED)] });
      } else if (known.size < trusted.size * 10) {
        known.add(query);
      }
    },
  };
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
  parse(text);
  return stripIgnoredCharacters(text);
}

/** A document without what makes no difference; empty when it is none. */
function plain(document: string): string {
  try {
    return stripIgnoredCharacters(document);
  } catch {
    return '';
  }
}
