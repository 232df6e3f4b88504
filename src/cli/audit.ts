import { parseArgs } from 'node:util';
import { validate as isUuid } from 'uuid';
import { driverError } from '../db/failure.ts';
import { followEvents, lastEvents, readEvents } from '../flows/audit-tail.ts';
import { readInstant } from '../instant.ts';
import {
  AUDIT_EVENT_TYPES,
  type AuditEvent,
  type AuditEventFilter,
  type AuditEventType,
  checkEventGuard,
} from '../records/audit-event.ts';
import type { Services } from '../services.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';
import { OPERATOR } from './operator.ts';

const LAST = 10;
const MOST = 1000;

/** Prints audit events, and follows new ones, such as for a log system. */
export const audit: Command = {
  name: 'audit',
  summary: 'follow the audit log, or check that the service cannot change it',
  help: `Prints the events of the audit log, oldest first, and follows new ones until Ctrl-C.

  npm run cli -- audit tail [--json] [--once] [--lines N | --since TIME]
                            [--type TYPE] [--user ID]
  npm run cli -- audit verify [--json]

  --once         end instead of waiting for new events
  --json         one line of JSON per event, for a log system
  --lines N      begin with the last N events, 0 to ${MOST}; by default ${LAST}
  --since TIME   begin with events at or after this time: 2026-01-31T12:00:00Z
  --type TYPE    only events of this type, such as LOGIN_FAILED
  --user ID      only events that concern this user

To ship every event once, begin where the last run ended:
  npm run --silent cli -- audit tail --json --since "$LAST" >>audit.jsonl
One run prints each event once. After a restart, events at exactly \`--since\` are printed
again; recognise them by their ids.

Events are kept for AUDIT_RETENTION_DAYS; the service deletes older ones.

\`verify\` checks whether the user of DATABASE_URL can change or delete events. The user that
\`create-db\` makes for the service cannot, and verify exits with 0. A user with all rights
can, and verify exits with 1.

Exit codes: 0 done, 1 events could be changed, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = readArguments(args);
    const [action] = positionals;
    if (positionals.length !== 1 || (action !== 'tail' && action !== 'verify')) {
      throw new UsageError('Say tail or verify.');
    }
    if (action === 'verify') {
      return terminal.withServices((services) => verify(services, terminal, values.json));
    }
    const wish = readWish(values);
    return terminal.withServices(async (services) => {
      await tail(services, terminal, wish);
      return 0;
    });
  },
};

interface Wish {
  filter: AuditEventFilter;
  lines: number;
  follow: boolean;
  json: boolean;
}

function readArguments(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      lines: { type: 'string', default: String(LAST) },
      since: { type: 'string' },
      type: { type: 'string' },
      user: { type: 'string' },
    },
  });
}

function readWish(values: ReturnType<typeof readArguments>['values']): Wish {
  const filter = {
    since: values.since === undefined ? undefined : readTime(values.since),
    type: values.type === undefined ? undefined : readType(values.type),
    userId: values.user === undefined ? undefined : readUser(values.user),
  };
  return { filter, lines: readLines(values.lines), follow: !values.once, json: values.json };
}

function readTime(text: string): Date {
  const time = readInstant(text);
  if (time !== undefined) return time;
  throw new UsageError('--since takes a time such as 2026-01-31T12:00:00Z.');
}

function readType(text: string): AuditEventType {
  if (Object.hasOwn(AUDIT_EVENT_TYPES, text)) return text as AuditEventType;
  const types = Object.keys(AUDIT_EVENT_TYPES).join(', ');
  throw new UsageError(`There is no type "${text}"; there are ${types}.`);
}

function readUser(text: string): string {
  if (isUuid(text)) return text;
  throw new UsageError('--user takes the id of a user.');
}

function readLines(text: string): number {
  const lines = Number(text);
  if (/^\d+$/.test(text) && lines <= MOST) return lines;
  throw new UsageError(`--lines takes a number from 0 to ${MOST}.`);
}

async function tail({ deps }: Services, terminal: Terminal, wish: Wish): Promise<void> {
  const { filter, lines, follow } = wish;
  const print = (event: AuditEvent) => terminal.print(wish.json ? jsonText(event) : lineOf(event));
  const started = deps.now();
  const given: AuditEvent[] = [];
  if (filter.since === undefined) {
    given.push(...(lines === 0 ? [] : await lastEvents(deps, filter, lines)));
    for (const event of given) print(event);
  } else if (!follow) {
    for await (const event of readEvents(deps, filter)) print(event);
  }
  if (!follow) return;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const onFailure = (error: unknown) =>
    terminal.complain(`The database does not answer: ${driverError(error)?.code ?? 'unknown'}`);
  const since = filter.since ?? started;
  const options = { since, given, signal: stop.signal, onFailure };
  for await (const event of followEvents(deps, filter, options)) print(event);
}

async function verify({ deps }: Services, terminal: Terminal, json: boolean): Promise<number> {
  const guard = await checkEventGuard(deps.db);
  const isGuarded = !guard.canChange && guard.missingProcedures.length === 0;
  if (json) {
    terminal.print(jsonText({ isGuarded, ...guard }));
  } else if (isGuarded) {
    terminal.print(
      'The user of DATABASE_URL can add events to the audit log, but cannot change them.',
    );
  }
  if (!json && guard.canChange) {
    terminal.complain(
      'The user of DATABASE_URL can change what is on record in the audit log. Give the service a user of its own: `create-db` makes one.',
    );
  }
  if (!json && guard.missingProcedures.length > 0) {
    terminal.complain(
      `The user of DATABASE_URL cannot run ${guard.missingProcedures.join(' and ')}, so no event is purged and no account can be deleted. Restore the backup with its procedures (mysqldump --routines), or grant EXECUTE on them.`,
    );
  }
  return isGuarded ? 0 : 1;
}

function lineOf(event: AuditEvent): string {
  const { at, type, userId, actorId, ipAddress, detail } = event;
  const by =
    actorId === userId ? '' : ` by ${actorId ?? (isOperators(event) ? 'the operator' : 'nobody')}`;
  const more = jsonText(detail);
  return `${at.toISOString()}  ${type.padEnd(26)}  ${userId ?? '-'}${by}  ${ipAddress ?? '-'}${more === '{}' ? '' : `  ${more}`}`;
}

/** What came by a request has an address, whatever it called itself. */
function isOperators({ ipAddress, userAgent }: AuditEvent): boolean {
  return ipAddress === null && userAgent === OPERATOR.client.userAgent;
}
