import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the migrations of this version are. */
export const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** One file that drizzle-kit generated. */
export interface Migration {
  tag: string;
  /** SHA-256 of the file, in hexadecimal. */
  hash: string;
  statements: string[];
}

/** Reads drizzle-kit's folder, in the order of its journal. */
export function readMigrations(folder: string): Migration[] {
  const journal: unknown = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'));
  return journalTags(journal).map((tag) => {
    // A checkout on Windows may have other line endings; it is still the same migration.
    const sql = readFileSync(join(folder, `${tag}.sql`), 'utf8').replaceAll('\r\n', '\n');
    return {
      tag,
      hash: createHash('sha256').update(sql).digest('hex'),
      statements: sql
        .split('--> statement-breakpoint')
        .map((statement) => statement.trim())
        .filter((statement) => statement !== ''),
    };
  });
}

function journalTags(journal: unknown): string[] {
  const entries =
    typeof journal === 'object' && journal !== null && 'entries' in journal ? journal.entries : [];
  return (Array.isArray(entries) ? entries : []).map((entry: { tag: string }) => entry.tag);
}

/** Whether the statement changes rows only, so that it can share a transaction with its record. */
export function changesRowsOnly(statement: string): boolean {
  const code = statement.replace(/^(\s|--.*\n|\/\*[\s\S]*?\*\/)+/, '');
  return /^(insert|update|delete|replace|with)\b/i.test(code);
}

// exists already: table, column, key, primary key; is gone already: column or key, table; exists already: foreign key
const DONE_BEFORE = new Set([1050, 1060, 1061, 1068, 1091, 1051, 1826]);
const UNKNOWN_TABLE_OR_COLUMN = new Set([1146, 1054]);

/** Whether a repeated statement failed because it had already been carried out. */
export function wasDoneBefore(
  statement: string,
  error: { errno?: number; sqlMessage?: string } | undefined,
): boolean {
  const errno = error?.errno ?? 0;
  if (DONE_BEFORE.has(errno)) return true;
  // After a rename, the old name is not found.
  if (UNKNOWN_TABLE_OR_COLUMN.has(errno)) return /\b(rename|change)\b/i.test(statement);
  // MariaDB's words for a foreign key that exists already.
  return errno === 1005 && (error?.sqlMessage ?? '').includes('errno: 121');
}
