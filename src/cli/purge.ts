import { parseArgs } from 'node:util';
import { forgetExpiredByKind } from '../flows/housekeeping.ts';
import type { Command } from './command.ts';
import { jsonText } from './json-text.ts';

/** Deletes expired rows, as the service does every minute. */
export const purge: Command = {
  name: 'purge',
  summary: 'delete what has expired, and say how much it was',
  help: `Deletes what has expired: rate limit hits, login challenges, sessions and the like. The service
does so every minute while it runs; use this to see how much there is, or after a long stop.

  npm run cli -- purge [--json]

  --json   {"sessions": 12, ...}

It works in small batches, and is safe to run while the service runs, and again after an
interruption. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  async run(args, terminal) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
    const forgotten = await terminal.withServices(({ deps }) => forgetExpiredByKind(deps));
    if (values.json) {
      terminal.print(jsonText(forgotten));
      return 0;
    }
    for (const [kind, rows] of Object.entries(forgotten)) {
      terminal.print(`${String(rows).padStart(8)}  ${kind}`);
    }
    return 0;
  },
};
