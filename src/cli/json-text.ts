// What JSON.stringify does not escape: DEL and C1 with their terminal control sequences, line separators, and
// bidirectional marks, which reorder text to disguise it.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Writes a value as JSON that cannot control a terminal, whatever strangers put into it. It parses to the same value.
 *
 * @param indent spaces per level; without it, everything is on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
