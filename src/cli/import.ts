import { fstatSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';
import {
  createUserImport,
  type ImportReport,
  type UserImport,
  type UserRecord,
} from '../flows/user-import.ts';
import type { Services } from '../services.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { type ImportFormat, type ImportLine, readImport } from './import-file.ts';
import { jsonText } from './json-text.ts';
import { OPERATOR } from './operator.ts';

const BATCH = 500;

/** Imports the users of another system with their password hashes. */
export const importCommand: Command = {
  name: 'import',
  summary: 'import users from another system, with their password hashes',
  help: `Imports users from another system. They keep their passwords: hashes of bcrypt ($2a$, $2b$,
$2y$), argon2 and scrypt ($scrypt$ln=..,r=..,p=..$salt$hash) are verified, and become argon2id
at the first sign-in.

  npm run cli -- import FILE [--dry-run] [--errors FILE] [--format csv|jsonl] [--json]

  FILE            .jsonl: one JSON object per line; .csv: the first line names the columns;
                  - is standard input, with --format
  --format        the format of FILE, if its name does not tell
  --dry-run       check every line, also against the database, and change nothing
  --errors FILE   write the bad lines to this file: {"line": 12, "reason": "..."}
  --json          {"imported": 99950, "skipped": 0, "bad": 50, "dryRun": false, "seconds": 21.4}

  {"email": "ada@example.com", "passwordHash": "$2b$12$...", "createdAt": "2024-05-31"}

  email           the only required field
  passwordHash    without it, the person chooses a password by a password reset
  username, displayName
  role            USER or ADMIN             status          ACTIVE or DISABLED
  emailVerified   true or false             createdAt       ISO 8601, UTC by default
  appMetadata     an object, in CSV as JSON; access tokens contain it

In CSV, a value with a comma, such as an argon2 hash, needs quotes, and no value may contain a
line break. A bad line is skipped and reported by its number; the content of a line is never
printed. Users whose address has an account already are skipped, so after an interruption just
run it again. Hashes that would cost more to verify than this service allows are refused.

Exit codes: 0 all lines imported or skipped, 1 some were bad, 2 wrong usage.`,
  async run(args, terminal) {
    const options = readOptions(args);
    // before opening the database, so that a mistyped file name is reported at once
    const file = await openFile(options.file);
    const errors = await openErrors(options.errors, file).catch((error) => {
      file.chunks.destroy();
      throw error;
    });
    const started = performance.now();
    const total = await terminal
      .withServices((services) => importFile(services, terminal, options, file, errors))
      .finally(() => errors?.close());
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    report(terminal, options, total, seconds);
    return total.bad === 0 ? 0 : 1;
  },
};

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      errors: { type: 'string' },
      format: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('Say which file to import.');
  const format = values.format ?? extname(file).slice(1).toLowerCase();
  if (format !== 'csv' && format !== 'jsonl') throw new UsageError('Say --format csv or jsonl.');
  const { errors, json, 'dry-run': dryRun } = values;
  return { file, format: format as ImportFormat, errors, json, dryRun };
}

interface OpenFile {
  chunks: AsyncIterable<Buffer> & { readonly bytesRead: number; destroy(): unknown };
  bytes: number;
  stats: Stats;
}

async function openFile(path: string): Promise<OpenFile> {
  // not as /dev/stdin, which cannot be opened where it is a socket
  if (path === '-') return { chunks: process.stdin, bytes: 0, stats: fstatSync(0) };
  const handle = await open(path);
  const stats = await handle.stat();
  return { chunks: handle.createReadStream(), bytes: stats.size, stats };
}

async function openErrors(
  path: string | undefined,
  imported: OpenFile,
): Promise<FileHandle | null> {
  if (path === undefined) return null;
  const handle = await openForAppending(path);
  const stats = await handle.stat();
  if (stats.dev === imported.stats.dev && stats.ino === imported.stats.ino) {
    await handle.close();
    throw new UsageError('--errors must name another file than the one to import.');
  }
  if (stats.isFile()) await handle.truncate();
  return handle;
}

/** Opens a file without truncating it, because it may turn out to be the one to import. */
async function openForAppending(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be written';
    throw new UsageError(`--errors must be a file that can be written: ${reason}.`);
  }
}

interface Total {
  imported: number;
  skipped: number;
  bad: number;
}

async function importFile(
  { deps }: Services,
  terminal: Terminal,
  options: Options,
  file: OpenFile,
  errors: FileHandle | null,
): Promise<Total> {
  const importUsers = createUserImport(deps, OPERATOR.client, options);
  const total: Total = { imported: 0, skipped: 0, bad: 0 };
  const started = performance.now();
  for await (const lines of batches(readImport(file.chunks, options.format))) {
    const done = await importBatch(importUsers, lines);
    total.imported += done.imported;
    total.skipped += done.skipped;
    total.bad += done.bad.length;
    for (const bad of done.bad) terminal.complain(`line ${bad.line}: ${bad.reason}`);
    await errors?.appendFile(done.bad.map((bad) => `${jsonText(bad)}\n`).join(''));
    terminal.progress(bar(file, total, performance.now() - started));
  }
  terminal.progress(null);
  return total;
}

async function importBatch(importUsers: UserImport, lines: ImportLine[]): Promise<ImportReport> {
  const unread = lines.flatMap((line) => ('reason' in line ? [line] : []));
  const records: UserRecord[] = lines.flatMap((line) => ('record' in line ? [line] : []));
  const done = await importUsers(records);
  const bad = [...unread, ...done.bad].sort((one, other) => one.line - other.line);
  return { ...done, bad };
}

async function* batches(lines: AsyncIterable<ImportLine>): AsyncGenerator<ImportLine[]> {
  let batch: ImportLine[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

const BAR_LENGTH = 30;

function bar({ chunks, bytes }: OpenFile, total: Total, ms: number): string {
  const share = bytes === 0 ? 1 : Math.min(1, chunks.bytesRead / bytes);
  const full = Math.round(share * BAR_LENGTH);
  const lines = total.imported + total.skipped + total.bad;
  const rate = Math.round(lines / (ms / 1000));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_LENGTH - full)}] ${Math.floor(share * 100)} %  ${lines} lines, ${total.bad} bad, ${rate} a second`;
}

function report(terminal: Terminal, options: Options, total: Total, seconds: number): void {
  const { dryRun } = options;
  if (options.json) {
    terminal.print(jsonText({ ...total, dryRun, seconds }));
    return;
  }
  const verb = dryRun ? 'Would import' : 'Imported';
  terminal.print(
    `${verb} ${total.imported} users; ${total.skipped} were there already, ${total.bad} lines were bad. ${seconds} s.`,
  );
}
