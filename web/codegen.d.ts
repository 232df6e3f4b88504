/** What each generated file has to hold, by its path. */
export function generateDocuments(): Promise<Record<string, string>>;

/** The documents by operation, letter for letter as the pages send them. */
export function listOperations(): Record<string, string>;

/** Writes the generated files that are not there yet or not what they should be. */
export function writeDocuments(): Promise<void>;
