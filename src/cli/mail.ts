import { parseArgs } from 'node:util';
import type { OutboxState } from '../db/enumerations.ts';
import { hastenMails } from '../flows/mail-delivery.ts';
import { writeTemplates } from '../mail/template-files.ts';
import { listOutbox, type OutboxEntry } from '../records/mail-delivery.ts';
import type { Services } from '../services.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';

const STATES = ['pending', 'sent', 'failed', 'kept'];
const NEWEST = 500;
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Lists the outbox, and has mails sent again at once. */
export const mail: Command = {
  name: 'mail',
  summary: 'list mails, send them again, or write the templates to files',
  help: `Lists the outbox, and has mails sent again.

  npm run cli -- mail list [--state STATE] [--json]
  npm run cli -- mail retry ID
  npm run cli -- mail retry --all
  npm run cli -- mail templates FOLDER

  list             the newest ${NEWEST} mails: id, state, kind, when each was created, the number of
                   attempts, when the next one is due, and the mail server's last answer.
                   Contents and recipients are never shown.
  --state STATE    only mails in this state:
                     pending  waiting for the next attempt, which is automatic
                     sent     accepted by the mail server; their contents are erased
                     failed   given up: after MAIL_MAX_ATTEMPTS attempts, because the server
                              refused them for good, or because their link expired
                     kept     never to be sent: in development, without SMTP_URL
  retry ID         sends a mail now that has failed or waits for a later attempt, counting
                   attempts from one again. If its link has expired by then, it is given up.
  retry --all      does so for all of them, such as when the mail server is back after an
                   outage. Mails due within a minute or two are left to their own attempt.
  templates FOLDER writes the built-in messages into a folder for you to edit; then set
                   MAIL_TEMPLATES to the folder. Existing files are not overwritten.

A running instance sends these mails, usually within a second or two.
Exit codes: 0 done, 1 there is no such mail, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        all: { type: 'boolean', default: false },
        state: { type: 'string' },
      },
    });
    const [action, argument, ...more] = positionals;
    if (more.length > 0) throw new UsageError(`Unexpected argument: ${more[0]}.`);
    if (action === 'list' && argument === undefined) {
      const state = readState(values.state);
      return terminal.withServices((services) => list(services, terminal, state, values.json));
    }
    if (action === 'retry' && values.all !== (argument !== undefined)) {
      if (argument !== undefined && !ID.test(argument)) {
        throw new UsageError(
          'An id looks like 019378a4-5bc1-7d3e-8f20-1a2b3c4d5e6f; see `mail list`.',
        );
      }
      return terminal.withServices((services) => retry(services, terminal, argument));
    }
    if (action === 'templates' && argument !== undefined) return templates(terminal, argument);
    throw new UsageError('Say list, retry ID, retry --all or templates FOLDER.');
  },
};

function readState(text: string | undefined): OutboxState | undefined {
  if (text === undefined) return undefined;
  if (!STATES.includes(text)) throw new UsageError(`A state is one of ${STATES.join(', ')}.`);
  return text.toUpperCase() as OutboxState;
}

async function list(
  { deps }: Services,
  terminal: Terminal,
  state: OutboxState | undefined,
  json: boolean,
): Promise<number> {
  const found = await listOutbox(deps.db, state, NEWEST);
  if (json) {
    terminal.print(jsonText(found));
    return 0;
  }
  for (const entry of found) terminal.print(lineOf(entry));
  if (found.length === 0) terminal.complain('There is none.');
  if (found.length === NEWEST) terminal.complain(`These are the newest ${NEWEST}.`);
  return 0;
}

function lineOf({ id, state, kind, attempts, createdAt, dueAt, lastError }: OutboxEntry): string {
  return [
    id,
    state.toLowerCase().padEnd(7),
    kind.padEnd(20),
    createdAt.toISOString(),
    `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
    ...(state === 'PENDING' ? [`next ${dueAt.toISOString()}`] : []),
    ...(lastError === null ? [] : [lastError]),
  ].join('  ');
}

async function retry(
  { deps }: Services,
  terminal: Terminal,
  id: string | undefined,
): Promise<number> {
  const mails = await hastenMails(deps, id?.toLowerCase());
  if (id !== undefined && mails === 0) {
    terminal.complain(`No mail with the id ${id} has failed or waits for long; see \`mail list\`.`);
    return 1;
  }
  terminal.print(`${mails} to be tried again.`);
  return 0;
}

function templates(terminal: Terminal, folder: string): number {
  const written = writeTemplates(folder);
  for (const name of written) terminal.print(name);
  terminal.complain(`Wrote ${written.length} files. Set MAIL_TEMPLATES=${folder}.`);
  return 0;
}
