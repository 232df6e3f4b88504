/** As much of a cache as Yoga's `parserAndValidationCache` needs. */
export interface DocumentCache<T> {
  get(document: string): T | undefined;
  set(document: string, value: T): void;
}

// A parsed document weighs about 150 times its text, so that this is some 25 MB at most.
const DEFAULT_CHARACTERS = 150_000;

// Applications send the same short documents again and again; long ones come from elsewhere.
const LONGEST_SHARE = 1 / 25;

/**
 * A cache of parsed documents that forgets the longest unused first. It is bounded by what it holds
 * and not by how many: Yoga's own keeps 1,024 of any size, which strangers can fill with a hundred
 * megabytes of queries nobody sends twice.
 */
export function createDocumentCache<T>(characters = DEFAULT_CHARACTERS): DocumentCache<T> {
  const values = new Map<string, T>();
  let held = 0;

  function get(document: string): T | undefined {
    const value = values.get(document);
    if (value !== undefined) {
      // A Map keeps the order of insertion: what was used goes to the end again.
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

/** Keeps nothing: for documents that do not parse, which no application sends again. */
export const NO_CACHE: DocumentCache<never> = {
  get: () => undefined,
  set: () => undefined,
};
