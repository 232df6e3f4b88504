/**
 * Parses an instant in ISO 8601; the day is required.
 *
 * @returns undefined for anything else, and for days that do not exist: JavaScript would read 30 February as 2 March
 */
export function readInstant(text: string): Date | undefined {
  const [day] = /^\d{4}-\d\d-\d\d(?!\d)/.exec(text) ?? [];
  const instant = new Date(text);
  if (day === undefined || Number.isNaN(instant.getTime())) return undefined;
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? instant : undefined;
}
