import { parse as parseCsv } from 'csv-parse/sync';

export type ImportFormat = 'jsonl' | 'csv';

/** One line of an import: its record, or why it cannot be read. */
export type ImportLine =
  | { line: number; record: Record<string, unknown> }
  | { line: number; reason: string };

// far more than a name, a hash and the metadata that fits into a token
const MOST_BYTES_OF_LINE = 32_768;
const NEWLINE = 10;

/**
 * Reads users line by line, so that a broken line affects no other. For the same reason, a CSV value must not contain a
 * line break. Reasons never quote the line.
 *
 * @param chunks the bytes of the file
 */
export async function* readImport(
  chunks: AsyncIterable<Buffer>,
  format: ImportFormat,
): AsyncGenerator<ImportLine> {
  const read = format === 'jsonl' ? readJson : createCsvReader();
  let line = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    const text = bytes === null ? null : decode(bytes, line === 1);
    if (text?.trim() === '') continue;
    if (bytes === null) yield { line, reason: `longer than ${MOST_BYTES_OF_LINE} bytes` };
    else if (text === null) yield { line, reason: 'not UTF-8' };
    else {
      const found = read(text);
      if (found !== null) yield { line, ...found };
    }
  }
}

/** The lines of a file; `null` for one that is too long to keep in memory. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let rest: Buffer[] = [];
  let length = 0;
  const take = () => {
    const line = length > MOST_BYTES_OF_LINE ? null : Buffer.concat(rest);
    rest = [];
    length = 0;
    return line;
  };
  const keep = (part: Buffer) => {
    length += part.length;
    if (length <= MOST_BYTES_OF_LINE) rest.push(part);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      yield take();
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield take();
}

function decode(bytes: Buffer, isFirst: boolean): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replace(isFirst ? /^\uFEFF|\r$/g : /\r$/, '');
  } catch {
    return null;
  }
}

type Read = { record: Record<string, unknown> } | { reason: string };

function readJson(text: string): Read {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { record: value as Record<string, unknown> };
    }
  } catch {
    // discard the parser's message, which quotes the text
  }
  return { reason: 'no JSON object' };
}

/** The first line names the columns. */
function createCsvReader(): (text: string) => Read | null {
  let columns: string[] | undefined;
  return (text) => {
    const values = readCsvLine(text);
    if (values === null) return { reason: 'quotes that do not match; a value has no line break' };
    if (columns === undefined) {
      columns = values.map((name) => name.trim());
      return null;
    }
    if (values.length !== columns.length) {
      return {
        reason: `${values.length} values for ${columns.length} columns; one with a comma in it needs quotes around`,
      };
    }
    // an empty value counts as missing
    const pairs = columns.map((name, index) => [name, values[index]]);
    return { record: Object.fromEntries(pairs.filter(([, value]) => value !== '')) };
  };
}

function readCsvLine(text: string): string[] | null {
  try {
    const [values = []]: string[][] = parseCsv(text, { relax_column_count: true });
    return values;
  } catch {
    return null;
  }
}
