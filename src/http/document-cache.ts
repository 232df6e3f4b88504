/** The part of a cache that Yoga's `parserAndValidationCache` needs. */
export interface DocumentCache<T> {
  get(document: string): T | undefined;
  set(document: string, value: T): void;
}

// A parsed document takes about 150 times the memory of its text, so this is 25 MB at most.
const DEFAULT_CHARACTERS = 150_000;

// Applications send the same short documents repeatedly; long ones come from elsewhere.
const LONGEST_SHARE = 1 / 25;

/**
 * An LRU cache of parsed documents, bounded by their total length instead of their number: Yoga's own cache keeps 1,024
 * documents of any size, which strangers can fill with a hundred megabytes of queries that are never repeated.
 */
export function createDocumentCache<T>(characters = DEFAULT_CHARACTERS): DocumentCache<T> {
  const values = new Map<string, T>();
  let held = 0;

  function get(document: string): T | undefined {
    const value = values.get(document);
    if (value !== undefined) {
      // A Map keeps insertion order: move what was used to the end.
      values.delete(document);
      values.set(document, value);
    }
    return value;
  }

  function set(document: string, value: T): void {
    if (document.length > characters * LONGEST_SHARE) return;
    if (!values.delete(document)) held += document.length;
    values.set(document, value);
    for (const oldest of values.keys()) {
      if (held <= characters) break;
      values.delete(oldest);
      held -= oldest.length;
    }
  }

  return { get, set };
}

/** Caches nothing. For documents that do not parse, which no application sends repeatedly. */
export const NO_CACHE: DocumentCache<never> = {
  get: () => undefined,
  set: () => undefined,
};
