import { Column, type DriverValueDecoder, is, SQL } from 'drizzle-orm';

type Decode = (value: unknown) => unknown;

/** A selected column or expression, and its place in the result row. */
export interface SelectedField {
  readonly path: readonly string[];
  readonly field: unknown;
}

/**
 * Makes a fast mapper of rows. Drizzle works out again for each column of each row what it is and where it goes, which
 * costs half as much as the statement itself (measured for the query of every signed-in request).
 *
 * @param joined for each joined table, whether it always has a row
 * @returns undefined for a selection that is not plain
 */
export function rowMapper(
  fields: readonly SelectedField[],
  joined: Readonly<Record<string, boolean>> = {},
): ((rows: readonly (readonly unknown[])[]) => object[]) | undefined {
  // a left join may find no row, for which Drizzle returns null; this mapper does not
  if (!Object.values(joined).every(Boolean)) return undefined;
  const targets = fields.map(targetOf);
  if (!targets.every((target) => target !== undefined)) return undefined;
  const isFlat = targets.every((target) => target.group === undefined);
  return (rows) => rows.map((row) => (isFlat ? flatRow(targets, row) : groupedRow(targets, row)));
}

interface Target {
  readonly group: string | undefined;
  readonly key: string;
  /** Absent if the driver's value is used as it is. */
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
  // Drizzle does not expose the decoder of an SQL expression
  if (is(field, SQL)) return (field as unknown as { decoder: Column }).decoder;
  return undefined;
}

function read({ decode }: Target, value: unknown): unknown {
  return value === null || decode === undefined ? value : decode(value);
}

// Counts columns by hand: an iterator over entries would allocate an array for each column of each row.
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
