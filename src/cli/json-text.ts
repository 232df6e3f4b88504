// what JSON.stringify leaves as it is: DEL and C1, which hold terminals' control sequences, separators of lines, and marks that
// turn text around to look like something else
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Writes a value as JSON that can do nothing to a terminal, whatever strangers put into it. It reads back as the same value.
 *
 * @param indent how many spaces a level has; without it everything is on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
