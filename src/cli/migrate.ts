import type { Command } from './command.ts';

/** Applies the migrations that the database lacks. Opening the database does so, which is all there is to it. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'bring the database up to this version',
  help: `Applies the migrations that the database lacks, and says which.

  npm run cli -- migrate

The service does the same when it starts, where its user may; use this where it may not,
with a DATABASE_URL whose user has the rights. It is safe to run many at once, and to run
again after it was killed: it goes on where it stopped.`,
  async run(_args, terminal) {
    await terminal.withServices(() => Promise.resolve());
    terminal.print('The database is up to date.');
    return 0;
  },
};
