// npm run bench -- [--only me,refresh] [--seconds 3] [--rounds 5] [--crowd 1000000] [--keep FOLDER] [--json FILE] [--service MAIN.JS] [--baseline MAIN.JS]

import { loadavg } from 'node:os';
import { relative } from 'node:path';
import { readOptions, UsageError } from './options.ts';
import { findingsReport, recordsTable } from './report.ts';
import { circumstances, type Results, writeOutcome } from './results.ts';
import { type Stage, withStage } from './stage.ts';
import { admin } from './suites/admin.ts';
import { flood } from './suites/flood.ts';
import { me } from './suites/me.ts';
import { memory } from './suites/memory.ts';
import { login, register } from './suites/passwords.ts';
import { processes } from './suites/processes.ts';
import { refresh } from './suites/refresh.ts';
import { sizes } from './suites/sizes.ts';

// the last two come last, because their million accounts would slow down the others
const SUITES = [me, refresh, login, register, flood, processes, memory, sizes, admin];

async function main(): Promise<void> {
  const names = SUITES.map(({ name }) => name);
  const options = readOptions(process.argv.slice(2), names);
  const { seconds, rounds, only, json } = options;
  const [load = 0] = loadavg();

  const runSuites = async (stage: Stage): Promise<Results> => {
    const results: { [name: string]: Results[string] } = {};
    for (const suite of SUITES.filter(({ name }) => only.includes(name))) {
      const runner = { seconds, rounds, say: (line: string) => say(`${suite.name}: ${line}`) };
      const outcome = await suite.run(stage, runner);
      const result = { ...circumstances({ ...options, load }), ...outcome };
      results[suite.name] = result;
      // written at once, so that a later failure does not lose it
      if (json !== undefined) writeOutcome(json, names, suite.name, result);
    }
    return results;
  };
  const started = performance.now();
  const results = await withStage(options, say, runSuites);

  process.stdout.write(`\n${recordsTable(results)}\n\n${findingsReport(results)}\n`);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const place = json === undefined ? 'no file' : relative(process.cwd(), json);
  say(`\nThat took ${minutes} minutes. All figures are in ${place}.`);
}

/** Reports progress on standard error, to keep it out of the tables on standard output. */
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
