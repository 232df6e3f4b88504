import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { exportInParts } from '../flows/data-export.ts';
import type { Deps } from '../flows/deps.ts';
import type { User } from '../records/user.ts';
import { type Command, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';
import { userMeant } from './operator.ts';

/** Exports everything stored about a person: what they get by `me { dataExport }`, but with all audit events. */
export const exportUser: Command = {
  name: 'export-user',
  summary: 'print everything stored about a person, as JSON',
  help: `Prints everything stored about a person as JSON, without secrets: what the person gets by
\`me { dataExport }\`, but with all audit events instead of only the newest 10,000.

  npm run --silent cli -- export-user WHO [--output FILE]

  WHO             an e-mail address, a username or an id
  --output FILE   write a new file, readable only by you, instead of printing

  npm run cli -- export-user ada@example.com --output ada.json

Exit codes: 0 done, 1 user not found or file exists already, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      // --json is accepted, but the output is JSON anyway
      options: { output: { type: 'string' }, json: { type: 'boolean' } },
    });
    const [who, ...more] = positionals;
    if (who === undefined || more.length > 0)
      throw new UsageError('Say whose data: an e-mail address, a username or an id.');
    await terminal.withServices(async ({ deps }) => {
      const user = await userMeant(deps, who);
      if (values.output === undefined) await writeExport(deps, user, terminal.print);
      else await writeFile(deps, user, values.output);
    });
    if (values.output !== undefined) terminal.complain(`Wrote ${values.output}.`);
    return 0;
  },
};

async function writeFile(deps: Deps, user: User, name: string): Promise<void> {
  const file = openSync(name, 'wx', 0o600);
  try {
    await writeExport(deps, user, (line) => writeSync(file, `${line}\n`));
  } catch (error) {
    // remove the incomplete file
    rmSync(name);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Writes an export line by line while reading it, because a person's audit events may not fit into memory. */
async function writeExport(deps: Deps, user: User, write: (line: string) => void): Promise<void> {
  const { head, lists } = await exportInParts(deps, user);
  write(jsonText(head, 2).replace(/\n\}$/, ','));
  await writeList('auditEvents', lists.auditEvents, ',', write);
  await writeList('administration', lists.administration, '', write);
  write('}');
}

async function writeList(
  name: string,
  batches: AsyncIterable<unknown[]>,
  comma: string,
  write: (line: string) => void,
): Promise<void> {
  let last: string | undefined;
  for await (const batch of batches) {
    for (const item of batch) {
      // an item is written once it is known whether another follows, and so whether it needs a comma
      write(last === undefined ? `  "${name}": [` : `${last},`);
      last = jsonText(item, 2).replace(/^/gm, '    ');
    }
  }
  if (last === undefined) return write(`  "${name}": []${comma}`);
  write(last);
  write(`  ]${comma}`);
}
