// npm run bench -- [--only me,refresh] [--seconds 4] [--rounds 5] [--crowd 1000000] [--json FILE] [--service MAIN.JS] [--baseline MAIN.JS]

import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { readOptions, UsageError } from './options.ts';
import { findingsTable, type Outcomes, recordsTable, resultsJson } from './report.ts';
import { type Stage, withStage } from './stage.ts';
import { admin } from './suites/admin.ts';
import { flood } from './suites/flood.ts';
import { me } from './suites/me.ts';
import { login, register } from './suites/passwords.ts';
import { refresh } from './suites/refresh.ts';
import type { Outcome } from './suites/suite.ts';

// the million accounts of the last one would be in the way of the others
const SUITES = [me, refresh, login, register, flood, admin];

async function main(): Promise<void> {
  const names = SUITES.map(({ name }) => name);
  const options = readOptions(process.argv.slice(2), names);
  const { seconds, rounds, only } = options;

  const runSuites = async (stage: Stage): Promise<Outcomes> => {
    const outcomes: { [name: string]: Outcome } = {};
    for (const suite of SUITES.filter(({ name }) => only.includes(name))) {
      const runner = { seconds, rounds, say: (line: string) => say(`${suite.name}: ${line}`) };
      outcomes[suite.name] = await suite.run(stage, runner);
    }
    return outcomes;
  };
  const outcomes = await withStage(options, say, runSuites);

  writeFileSync(options.json, resultsJson(outcomes, { seconds, rounds }));
  process.stdout.write(`\n${recordsTable(outcomes)}\n\n${findingsTable(outcomes)}\n`);
  say(`\nAll figures are in ${relative(process.cwd(), options.json)}.`);
}

/** Progress goes where it does not end up in a file with the tables. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

main().catch((error: unknown) => {
  say(
    error instanceof UsageError
      ? error.message
      : String(error instanceof Error ? error.stack : error),
  );
  process.exitCode = 1;
});
