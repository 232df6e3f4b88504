import { findingsReport } from './report.ts';
import type { Results } from './results.ts';

const BEGIN = '<!-- npm run bench:table writes what follows -->';
const END = '<!-- until here -->';

/**
 * Replaces the comparisons in the README.
 *
 * @throws if the README does not mark where they belong
 */
export function withFindings(readme: string, results: Results): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END, begin);
  if (begin === -1 || end === -1) throw new Error(`README.md has to hold ${BEGIN} and ${END}.`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${findingsReport(results)}\n\n${readme.slice(end)}`;
}
