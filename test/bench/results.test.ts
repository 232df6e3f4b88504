import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withFindings } from '../../bench/readme.ts';
import { circumstances, readResults, writeOutcome } from '../../bench/results.ts';
import { type Outcome, throughput } from '../../bench/suites/suite.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-results-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = {
  ...circumstances({ load: 0.1, seconds: 1, rounds: 2, crowd: 1000 }),
  at: '2026-01-02T03:04:05Z',
};

function outcome(ours: number[], theirs: number[]): Outcome {
  const record = (name: string, rates: number[]) => ({
    name,
    samples: rates.map((perSecond) => ({ perSecond })),
  });
  const records = [record('Latchkey', ours), record('a peer', theirs)];
  return { records, findings: throughput('me', records[0], records[1], 2) };
}

it('replaces what ran again, and leaves what did not', () => {
  const file = join(folder, 'results.json');
  const names = ['me', 'refresh', 'login'];
  writeOutcome(file, names, 'login', { ...run, ...outcome([1], [1]) });
  writeOutcome(file, names, 'me', { ...run, ...outcome([1], [1]) });
  writeOutcome(file, names, 'me', { ...run, ...outcome([300], [100]), at: '2026-02-03' });
  const results = readResults(file);
  expect(Object.keys(results)).toEqual(['me', 'login']);
  expect(results.me?.at).toBe('2026-02-03');
  expect(results.me?.findings[0]?.value).toBe(300);
  expect(results.login?.at).toBe('2026-01-02T03:04:05Z');
});

it('compares round by round, and by the median of the rounds', () => {
  const { findings } = outcome([100, 300, 50], [100, 100, 10]);
  expect(findings[0]?.ratio).toEqual({ median: 3, least: 1, greatest: 5 });
  expect(findings[0]?.target).toEqual({ text: 'at least 2', isMet: true });
});

it('puts into the README what was measured and when, and nothing that was not', () => {
  const begin = '<!-- npm run bench:table writes what follows -->';
  const readme = `before\n${begin}\nold\n<!-- until here -->\nafter\n`;
  const written = withFindings(readme, {
    me: { ...run, ...outcome([1500], [1000]) },
    login: { ...run, ...outcome([1], [1]), at: '2026-02-03' },
  });
  expect(written).toMatch(/^before\n<!--/);
  expect(written).toMatch(/\| me +\| +1,500 a second \| a peer +\| +1,000 \| +1\.50 \|.*missed \|/);
  expect(written).toMatch(/`me`: 2026-01-02.*\n\n`login`: 2026-02-03/);
  expect(written).not.toMatch(/old|NaN|undefined|CPU/);
  expect(withFindings(written, {})).toBe(withFindings(readme, {}));
  expect(() => withFindings('no place', {})).toThrow('has to hold');
});
