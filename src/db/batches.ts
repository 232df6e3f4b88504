/** A part of a list in the order of its ids. */
export interface Batch {
  /** The id of the last row before it; null for the first one. */
  after: string | null;
  limit: number;
}

/**
 * Reads a whole list a batch at a time, each from where the one before ended: no statement looks at more than one, and all
 * together at everything once.
 *
 * @param list gives at most `limit` rows behind `after`, in one order of their ids
 */
export async function* inBatches<Row extends { id: string }>(
  limit: number,
  list: (batch: Batch) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let after: string | null = null; ; ) {
    const rows: Row[] = await list({ after, limit });
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.id ?? null;
    if (rows.length < limit) return;
  }
}
