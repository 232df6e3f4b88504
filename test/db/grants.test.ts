import { getTableName, is } from 'drizzle-orm';
import { MySqlTable } from 'drizzle-orm/mysql-core';
import { expect, it } from 'vitest';
import { RUNTIME_TABLE_PRIVILEGES } from '../../src/db/grants.ts';
import * as schema from '../../src/db/schema.ts';

const tables = Object.values(schema)
  .filter((value) => is(value, MySqlTable))
  .map((table) => getTableName(table));

it('gives the service rights to every table there is, and to no other', () => {
  expect(tables.length).toBeGreaterThan(8);
  expect(Object.keys(RUNTIME_TABLE_PRIVILEGES).sort()).toEqual(
    [...tables, 'schema_migrations'].sort(),
  );
});

it('lets it add to what is on record, and nothing more', () => {
  expect(RUNTIME_TABLE_PRIVILEGES.audit_events).toEqual(['SELECT', 'INSERT']);
});
