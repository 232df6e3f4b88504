import { medianOf, type Ratio, type Sample } from './race.ts';
import type { Circumstances, Results } from './results.ts';
import type { Finding } from './suites/suite.ts';

const FIGURES: readonly (keyof Sample)[] = ['perSecond', 'p50', 'p99', 'processorUs', 'peakMb'];
// gets its own table, because it has many lines, which compare only with each other
const ADMINISTRATION = 'admin';
const ADMINISTRATION_TITLE =
  'Administration where there are many accounts, by one client with one request after the other:';

/** The comparisons in Markdown for the README: what was measured, and on which machine. */
export function findingsReport(results: Results): string {
  const { [ADMINISTRATION]: administration, ...others } = results;
  const findings = Object.values(others).flatMap((result) => result.findings);
  return [
    ...(findings.length === 0 ? [] : [findingsTable(findings)]),
    ...(administration === undefined
      ? []
      : [ADMINISTRATION_TITLE, findingsTable(administration.findings)]),
    circumstancesOf(results),
  ].join('\n\n');
}

function findingsTable(findings: readonly Finding[]): string {
  const columns = COLUMNS.filter(({ of }) => findings.some((finding) => of(finding) !== ''));
  return table(
    columns.map(({ title }) => title),
    columns.map(({ align }) => align),
    findings.map((finding) => columns.map(({ of }) => of(finding))),
  );
}

interface Column {
  title: string;
  align: 'left' | 'right';
  of(finding: Finding): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'What', align: 'left', of: ({ what }) => what },
  { title: 'Figure', align: 'right', of: ({ value, unit }) => `${figure(value)} ${unit}` },
  { title: 'Compared with', align: 'left', of: ({ peer }) => peer?.name ?? '' },
  { title: 'Its figure', align: 'right', of: ({ peer }) => figure(peer?.value) },
  { title: 'Ratio', align: 'right', of: ({ ratio }) => ratio?.median.toFixed(2) ?? '' },
  { title: 'Rounds', align: 'right', of: ({ ratio }) => range(ratio) },
  { title: 'CPU', align: 'right', of: ({ processor }) => processor?.median.toFixed(2) ?? '' },
  { title: 'Target', align: 'left', of: ({ target }) => target?.text ?? '' },
  {
    title: '',
    align: 'left',
    of: ({ target }) => (target ? (target.isMet ? 'met' : 'missed') : ''),
  },
];

function range(ratio: Ratio | undefined): string {
  return ratio === undefined ? '' : `${ratio.least.toFixed(2)} to ${ratio.greatest.toFixed(2)}`;
}

/** A sentence for each run that contributed results. */
function circumstancesOf(results: Results): string {
  const runs = new Map<string, string[]>();
  for (const [name, result] of Object.entries(results)) {
    const run = runSentence(result);
    runs.set(run, [...(runs.get(run) ?? []), `\`${name}\``]);
  }
  return [...runs].map(([run, names]) => `${names.join(', ')}: ${run}`).join('\n\n');
}

function runSentence(run: Circumstances): string {
  const machine = `${run.processors} cores of ${run.model ?? 'an unknown processor'}, Node ${run.node}`;
  const effort = `${run.rounds} times ${run.seconds} s each, ${run.crowd.toLocaleString('en')} accounts where there are many`;
  const before = `load ${run.load.toFixed(1)} before it`;
  return `${run.at.slice(0, 10)}, commit ${run.commit ?? 'unknown'}, ${machine}, ${before}, ${effort}.`;
}

/** The results of each contender, as medians over its rounds. */
export function recordsTable(results: Results): string {
  const rows = Object.entries(results).flatMap(([name, { records }]) =>
    records.map((record) => [
      name,
      record.name,
      ...FIGURES.map((key) => figure(medianOf(record, key))),
    ]),
  );
  const head = ['Benchmark', 'Contender', 'A second', 'p50 ms', 'p99 ms', 'CPU us', 'Peak MB'];
  return table(head, ['left', 'left', ...FIGURES.map(() => 'right' as const)], rows);
}

function figure(value: number | undefined): string {
  if (value === undefined) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function table(
  head: readonly string[],
  align: readonly Column['align'][],
  rows: readonly string[][],
): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => padded(cells[column] ?? '', width, align[column])).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    align[column] === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [head, rule, ...rows].map(line).join('\n');
}

function padded(text: string, width: number, align: Column['align'] | undefined): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}
