import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { medianOf, type Sample } from './race.ts';
import type { Finding, Outcome } from './suites/suite.ts';

/** The outcomes by the names of the benchmarks. */
export type Outcomes = Readonly<{ [name: string]: Outcome }>;

const FIGURES: readonly (keyof Sample)[] = ['perSecond', 'p50', 'p99', 'processorUs'];

/** The comparisons as a Markdown table, as the README shows it. */
export function findingsTable(outcomes: Outcomes): string {
  const rows = Object.values(outcomes).flatMap(({ findings }) => findings.map(findingRow));
  return table(
    ['', 'Figure', 'Compared with', 'Figure', 'Ratio', 'Rounds', 'Target', ''],
    '-r-rrrll',
    rows,
  );
}

function findingRow(finding: Finding): string[] {
  const { what, unit, subject, peer, ratio, target, isMet } = finding;
  return [
    what,
    `${figure(subject.value)} ${unit}`,
    peer.name,
    peer.name === '' ? '' : `${figure(peer.value)} ${unit}`,
    peer.name === '' ? '' : ratio.median.toFixed(2),
    peer.name === '' ? '' : `${ratio.least.toFixed(2)} to ${ratio.greatest.toFixed(2)}`,
    target ?? '',
    target === undefined ? '' : isMet ? 'met' : 'missed',
  ];
}

/** What each contender came to, the medians of its rounds. */
export function recordsTable(outcomes: Outcomes): string {
  const rows = Object.entries(outcomes).flatMap(([name, { records }]) =>
    records.map((record) => [
      name,
      record.name,
      ...FIGURES.map((key) => figure(medianOf(record, key))),
    ]),
  );
  const head = ['Benchmark', 'Contender', 'A second', 'p50 ms', 'p99 ms', 'Processor us'];
  return table(head, '--rrrr', rows);
}

function figure(value: number): string {
  if (!Number.isFinite(value) || value === 0) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** @param align a character for each column: `r` for figures */
function table(head: readonly string[], align: string, rows: readonly string[][]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(3, ...lines.map((line) => cell(line, column).length)),
  );
  const row = (line: readonly string[]) =>
    `| ${widths.map((width, column) => padded(cell(line, column), width, align[column])).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    align[column] === 'r' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [row(head), `| ${rule.join(' | ')} |`, ...rows.map(row)].join('\n');
}

function cell(line: readonly string[], column: number): string {
  return line[column] ?? '';
}

function padded(text: string, width: number, align: string | undefined): string {
  return align === 'r' ? text.padStart(width) : text.padEnd(width);
}

/** Everything that was measured, and on what. */
export function resultsJson(outcomes: Outcomes, settings: object): string {
  const processors = cpus();
  const machine = {
    processors: processors.length,
    model: processors[0]?.model ?? null,
    node: process.version,
    commit: commit(),
  };
  const at = new Date().toISOString();
  return `${JSON.stringify({ at, machine, settings, benchmarks: outcomes }, null, 2)}\n`;
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
