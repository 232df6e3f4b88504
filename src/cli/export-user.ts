import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { exportUserData } from '../flows/data-export.ts';
import { type Command, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';
import { userMeant } from './operator.ts';

/** Hands out everything stored about a person, as the person gets it by `me { dataExport }`. */
export const exportUser: Command = {
  name: 'export-user',
  summary: 'print everything stored about a person, as JSON',
  help: `Prints everything stored about a person as JSON, secrets left out: what the person gets by
\`me { dataExport }\`.

  npm run --silent cli -- export-user WHO [--output FILE]

  WHO             an e-mail address, a username or an id
  --output FILE   write a new file, which only you can read, in the place of printing

  npm run cli -- export-user ada@example.com --output ada.json

Exit codes: 0 done, 1 nobody found or the file is there already, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      // the output is JSON either way
      options: { output: { type: 'string' }, json: { type: 'boolean' } },
    });
    const [who, ...more] = positionals;
    if (who === undefined || more.length > 0) throw new UsageError('Say whose data.');
    const data = await terminal.withServices(async ({ deps }) =>
      exportUserData(deps, await userMeant(deps, who)),
    );
    const text = jsonText(data, 2);
    if (values.output === undefined) {
      terminal.print(text);
    } else {
      writeFileSync(values.output, `${text}\n`, { mode: 0o600, flag: 'wx' });
      terminal.complain(`Wrote ${values.output}.`);
    }
    return 0;
  },
};
