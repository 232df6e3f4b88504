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
  summary: 'list mails, have them tried again, write the templates to files',
  help: `Shows the outbox, and has mails tried again now.

  npm run cli -- mail list [--state STATE] [--json]
  npm run cli -- mail retry ID
  npm run cli -- mail retry --all
  npm run cli -- mail templates FOLDER

  list             the newest ${NEWEST} mails: id, state, kind, when it was written, attempts,
                   when the next one is, and what the mail server said last. Never what
                   is in them, nor to whom they go.
  --state STATE    those of one state:
                     pending  wait for their next attempt, which comes by itself
                     sent     the mail server has taken them; their contents are erased
                     failed   were given up after MAIL_MAX_ATTEMPTS attempts, refused for
                              good, or held a link that expired
                     kept     were never to be sent: there is no SMTP_URL, in development
  retry ID         tries a mail now that has failed or waits for a later attempt, from its
                   first attempt on. One whose link has expired in the meantime is given up.
  retry --all      tries all of them now, as when the mail server is back after an outage.
                   What is due within a minute or two comes by itself, and is left alone.
  templates FOLDER writes the messages as they are shipped into a folder, to be changed
                   there; set MAIL_TEMPLATES to it. What is there already stays as it is.

A running instance sends what is to be tried again, usually within a second or two.
Exit codes: 0 done, 1 no such mail has that id, 2 wrong usage.`,
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
    if (more.length > 0) throw new UsageError(`There is one word too many: ${more[0]}.`);
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
