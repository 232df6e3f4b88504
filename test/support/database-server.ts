import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {} from 'vitest';
import type { TestProject } from 'vitest/node';
import { startEmbeddedDatabase } from '../../src/db/embedded.ts';
import { newDatabaseUrl } from './database.ts';
import { type SchemaText, writeSchema } from './schema-text.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server that all tests share; each test has its own database. */
    databaseUrl: string;
    /** The schema that the migrations create, as SQL. */
    schema: SchemaText;
  }
}

// Test data need not survive a power failure.
const FAST = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=OFF',
  '--innodb-flush-method=nosync',
  '--max-connections=500',
];

/** Provides `databaseUrl`: TEST_DATABASE_URL, or a MariaDB that runs as long as the tests. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const url = process.env.TEST_DATABASE_URL;
  if (url) {
    provide('databaseUrl', url);
    provide('schema', await writeSchema(newDatabaseUrl(url)));
    return async () => {};
  }
  const dataDirectory = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  const database = await startEmbeddedDatabase({
    dataDirectory,
    log: () => {},
    serverOptions: FAST,
  });
  provide('databaseUrl', database.url);
  provide('schema', await writeSchema(newDatabaseUrl(database.url)));
  return async () => {
    await database.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  };
}
