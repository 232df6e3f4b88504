/** One part of a list that is ordered by id. */
export interface Batch {
  /** The id of the last row of the previous batch; null for the first batch. */
  after: string | null;
  limit: number;
}

/**
 * Reads a whole list in batches. Each starts after the last id of the previous one, so no statement reads more than one
 * batch, and every row is read once.
 *
 * @param list returns at most `limit` rows with ids after `after`, always in the same order of ids
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
