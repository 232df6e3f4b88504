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

const LAST = 10;
const MOST = 1000;

/** Prints audit events, and follows new ones, such as for a log system. */
export const audit: Command = {
  name: 'audit',
  summary: 'follow what is on record, or check that nobody can change it',
  help: `Shows what is on record, the oldest first, and goes on with what comes until Ctrl-C.

  npm run cli -- audit tail [--json] [--once] [--lines N | --since TIME]
                            [--type TYPE] [--user ID]
  npm run cli -- audit verify [--json]

  --once         end instead of waiting for more
  --json         a line of JSON for each event, for a log system
  --lines N      begin with the last N, 0 to ${MOST}; ${LAST} unless told
  --since TIME   begin with what happened then or later: 2026-01-31T12:00:00Z
  --type TYPE    only this type, such as LOGIN_FAILED
  --user ID      only what concerns this user

To ship everything once, begin where the last run ended:
  npm run --silent cli -- audit tail --json --since "$LAST" >>audit.jsonl
An event is given out once in a run. After a restart those of the instant \`--since\` come
again; their ids tell them apart.

What is on record is kept for AUDIT_RETENTION_DAYS; the service deletes what is older.

\`verify\` tells whether the user of DATABASE_URL can change or delete what is on record. With
the user that \`create-db\` makes for the service it cannot, and verify ends with 0; with one
that has all rights it can, and verify ends with 1.

Exit codes: 0 done, 1 what is on record could be changed, 2 wrong usage.`,
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
  if (Number.isInteger(lines) && lines >= 0 && lines <= MOST) return lines;
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
    terminal.print('The user of DATABASE_URL can add to what is on record, and not change it.');
  }
  if (!json && guard.canChange) {
    terminal.complain(
      'The user of DATABASE_URL can change what is on record. Give the service one of its own: `create-db` makes it.',
    );
  }
  if (!json && guard.missingProcedures.length > 0) {
    terminal.complain(
      `The user of DATABASE_URL cannot run ${guard.missingProcedures.join(' and ')}, so nothing is purged and no account can be deleted. Restore the backup with its procedures (mysqldump --routines), or grant EXECUTE on them.`,
    );
  }
  return isGuarded ? 0 : 1;
}

function lineOf({ at, type, userId, actorId, ipAddress, detail }: AuditEvent): string {
  const by = actorId === userId ? '' : ` by ${actorId ?? 'nobody'}`;
  const more = jsonText(detail);
  return `${at.toISOString()}  ${type.padEnd(26)}  ${userId ?? '-'}${by}  ${ipAddress ?? '-'}${more === '{}' ? '' : `  ${more}`}`;
}
