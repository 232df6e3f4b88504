// Runs an embedded database until a test kills this process.
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';

const [, , dataDirectory = ''] = process.argv;
const say = (line: string) => process.stdout.write(`${line}\n`);

startEmbeddedDatabase({ dataDirectory, log: say }).then(
  ({ url }) => {
    say(`ready ${url}`);
    setInterval(() => {}, 1_000);
  },
  (error: Error) => {
    say(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  },
);
