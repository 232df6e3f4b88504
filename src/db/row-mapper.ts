import { Column, type DriverValueDecoder, is, SQL } from 'drizzle-orm';

type Decode = (value: unknown) => unknown;

/** A column or expression of a selection, and where it goes in a row. */
export interface SelectedField {
  readonly path: readonly string[];
  readonly field: unknown;
}

/**
 * Makes rows the short way: Drizzle finds out anew for each column of each row what it is and where it goes, which costs
 * half of what the statement itself does (measured on the one of every signed-in request).
 *
 * @param joined by table, whether it has something for each row
 * @returns nothing for what is not a plain selection
 */
export function rowMapper(
  fields: readonly SelectedField[],
  joined: Readonly<Record<string, boolean>> = {},
): ((rows: readonly (readonly unknown[])[]) => object[]) | undefined {
  // a left join may have nothing on its right side, and Drizzle says so with a null
  if (!Object.values(joined).every(Boolean)) return undefined;
  const targets = fields.map(targetOf);
  if (!targets.every((target) => target !== undefined)) return undefined;
  const isFlat = targets.every((target) => target.group === undefined);
  return (rows) => rows.map((row) => (isFlat ? flatRow(targets, row) : groupedRow(targets, row)));
}

interface Target {
  readonly group: string | undefined;
  readonly key: string;
  /** Absent where the value is as the driver gives it. */
  readonly decode: Decode | undefined;
}

function targetOf({ path, field }: SelectedField): Target | undefined {
  const decoder = decoderOf(field);
  const [first, second, ...deeper] = path;
  if (decoder === undefined || first === undefined || deeper.length > 0) return undefined;
  const isPlain = decoder.mapFromDriverValue === Column.prototype.mapFromDriverValue;
  const decode: Decode | undefined = isPlain
    ? undefined
    : (value) => decoder.mapFromDriverValue(value);
  return second === undefined
    ? { group: undefined, key: first, decode }
    : { group: first, key: second, decode };
}

function decoderOf(field: unknown): DriverValueDecoder<unknown, unknown> | undefined {
  if (is(field, Column)) return field;
  // Drizzle keeps the decoder of an SQL expression to itself
  if (is(field, SQL)) return (field as unknown as { decoder: Column }).decoder;
  return undefined;
}

function read({ decode }: Target, value: unknown): unknown {
  return value === null || decode === undefined ? value : decode(value);
}

// Counted, because an iterator over entries would make an array for each column of each row.
function flatRow(targets: readonly Target[], row: readonly unknown[]): object {
  const made: Record<string, unknown> = {};
  let column = 0;
  for (const target of targets) made[target.key] = read(target, row[column++]);
  return made;
}

function groupedRow(targets: readonly Target[], row: readonly unknown[]): object {
  const made: Record<string, Record<string, unknown>> = {};
  let column = 0;
  for (const target of targets) {
    const value = read(target, row[column++]);
    if (target.group === undefined) {
      (made as Record<string, unknown>)[target.key] = value;
      continue;
    }
    made[target.group] ??= {};
    (made[target.group] as Record<string, unknown>)[target.key] = value;
  }
  return made;
}
