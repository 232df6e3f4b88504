/**
 * The words to choose from, as people write them: "lax, strict or none". `Intl.ListFormat` would say the same, but loading its
 * data takes tens of milliseconds of the start.
 *
 * @param words at least two
 */
export function alternatives(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
