const SERIES = 5;
// how far medians may be apart: what a machine with other work does to them
const LEAST_MS = 3;
const FRACTION = 0.25;

/**
 * Measures how long several things take, interleaved and again while they differ: a difference that is there shows in every
 * series, one that the machine's other work makes does not.
 *
 * @returns the medians of every series, or `null` when in one of them nothing could be told apart
 */
export async function timesApart(
  attempts: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<string | null> {
  const series: string[] = [];
  while (series.length < SERIES) {
    const medians = await medianTimes(attempts, rounds);
    const middle = median(medians);
    const furthest = Math.max(...medians.map((ms) => Math.abs(ms - middle)));
    if (furthest < Math.max(LEAST_MS, middle * FRACTION)) return null;
    series.push(medians.map((ms) => ms.toFixed(1)).join(' '));
  }
  return series.join('; ');
}

/** The median time of each, the tries interleaved. */
export async function medianTimes(
  attempts: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<number[]> {
  const times = attempts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    // in another order each time, so that nobody always comes after the same one
    const order = attempts.map((_, i) => i).sort(() => Math.random() - 0.5);
    for (const i of order) {
      const started = performance.now();
      await attempts[i]?.();
      times[i]?.push(performance.now() - started);
    }
  }
  return times.map(median);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
