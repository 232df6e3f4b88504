/**
 * Reads an instant in ISO 8601, with its day.
 *
 * @returns undefined for what is none, and for a day that its month does not have: JavaScript takes 30 February for 2 March
 */
export function readInstant(text: string): Date | undefined {
  const [day] = /^\d{4}-\d\d-\d\d(?!\d)/.exec(text) ?? [];
  const instant = new Date(text);
  if (day === undefined || Number.isNaN(instant.getTime())) return undefined;
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? instant : undefined;
}
