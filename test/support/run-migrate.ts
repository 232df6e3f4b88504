// Migrates a database, for tests that kill this process meanwhile.
import { connectionOptions } from '../../src/db/connection.ts';
import { migrate } from '../../src/db/migrate.ts';

const [, , databaseUrl = '', folder = ''] = process.argv;
const connection = connectionOptions(databaseUrl, () => '');
const { applied } = await migrate({
  connection,
  folder,
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`applied ${applied.length}\n`);
