import {
  type DriverValueEncoder,
  getTableColumns,
  is,
  Param,
  Placeholder,
  type SQL,
  sql,
} from 'drizzle-orm';
import type { MySqlTable } from 'drizzle-orm/mysql-core';
import type { MySqlRawQueryResult } from 'drizzle-orm/mysql2';
import type { Db } from './client.ts';
import { rowMapper, type SelectedField } from './row-mapper.ts';

type Values = Readonly<Record<string, unknown>>;

/** A query that waits for its values, by the names of its placeholders. */
export interface PreparedQuery<Result, Given = Values> {
  execute(values: Given): Promise<Result>;
}

/**
 * A query that is built once instead of at each call, and run without what Drizzle does at each: together that costs more
 * than the statement itself. It runs on whichever database or transaction it is then asked for.
 *
 * @param build makes the query with `.prepare()`, and a placeholder for each value that differs from call to call. Of
 *   selections only plain ones will do, without anything that may have no row.
 */
export function builtOnce<Result>(
  build: (db: Db) => { execute(): Promise<Result> },
): (db: Db) => PreparedQuery<Result> {
  let built: Built | undefined;
  return (db) => ({
    execute: (values) => {
      built ??= compile(build(db));
      return run(db, built, values) as Promise<Result>;
    },
  });
}

/** How long the list of a query of `builtForLists` is at the most. */
export const LONGEST_LIST = 16;

// an own statement for each length would be prepared on each connection, most of them for a few calls
const LENGTHS = [1, 2, 4, 8, LONGEST_LIST];

/**
 * The same for a query about several things at once, of which there are differently many from call to call.
 *
 * @param build is given the length of the list; the placeholders of its items are those of `listed`
 * @returns what is executed with the items, and with the values that are the same for all of them. The list is filled up
 *   with its first item, so a query must not mind being asked about one thing twice.
 */
export function builtForLists<Result>(
  build: (db: Db, length: number) => { execute(): Promise<Result> },
) {
  const queries = LENGTHS.map((length) => builtOnce((db) => build(db, length)));
  return (db: Db) => ({
    execute(items: readonly Values[], values: Values = {}): Promise<Result> {
      const fitting = LENGTHS.findIndex((length) => length >= items.length);
      const query = queries[fitting];
      if (query === undefined) throw new RangeError(`A list of ${items.length}`);
      const given: Record<string, unknown> = { ...values };
      for (let index = 0; index < (LENGTHS[fitting] ?? 0); index++) {
        const item = Object.entries(items[index] ?? items[0] ?? {});
        for (const [name, value] of item) given[name + index] = value;
      }
      return query(db).execute(given);
    },
  });
}

/** The placeholders of one value of each item of a list. */
export function listed(
  name: string,
  column: DriverValueEncoder<unknown, unknown>,
  length: number,
): SQL[] {
  return Array.from({ length }, (_, index) => placeholder(name + index, column));
}

/** `builtOnce` for a statement that is written out, because Drizzle has no builder for it. */
export function statementBuiltOnce(statement: SQL): (db: Db) => PreparedQuery<MySqlRawQueryResult> {
  return builtOnce((db) => preparedStatement(db, statement));
}

/** A statement that is written out, to be built once. */
export function preparedStatement(
  db: Db,
  statement: SQL,
): { execute(): Promise<MySqlRawQueryResult> } {
  const { session, dialect } = db as unknown as DbInternals;
  return session.prepareQuery(dialect.sqlToQuery(statement), undefined);
}

/** An INSERT of one row, built once: every column is to be given but those that the database computes. */
export function insertBuiltOnce<Table extends MySqlTable>(
  table: Table,
): (db: Db) => PreparedQuery<MySqlRawQueryResult, Required<Table['$inferInsert']>> {
  const columns = Object.entries(getTableColumns<MySqlTable>(table));
  const given = columns.filter(([, column]) => column.generated === undefined);
  const row = Object.fromEntries(given.map(([key, column]) => [key, placeholder(key, column)]));
  return builtOnce((db) => db.insert<MySqlTable>(table).values(row).prepare());
}

/**
 * A value that is given when a query that was built once runs, encoded as its column is. Drizzle's own placeholder leaves
 * the value as it is, and a UUID is not what a BINARY(16) holds.
 */
export function placeholder(name: string, column: DriverValueEncoder<unknown, unknown>): SQL {
  return sql`${sql.param(sql.placeholder(name), column)}`;
}

/** As much of Drizzle's prepared query as is needed to run it. */
interface DrizzleQuery {
  readonly rawQuery: { readonly sql: string };
  readonly params: readonly unknown[];
  readonly fields?: readonly SelectedField[];
  readonly joinsNotNullableMap?: Readonly<Record<string, boolean>>;
}

interface DbInternals {
  readonly session: {
    readonly client: {
      query(
        statement: { sql: string; rowsAsArray: boolean },
        values: readonly unknown[],
      ): Promise<[rows: (readonly unknown[])[], fields: unknown]>;
    };
    prepareQuery(query: object, fields: undefined): { execute(): Promise<MySqlRawQueryResult> };
  };
  readonly dialect: { sqlToQuery(statement: SQL): object };
}

interface Built {
  readonly statement: { readonly sql: string; readonly rowsAsArray: boolean };
  readonly values: readonly Binding[];
  /** Absent where no rows are selected. */
  readonly mapRows: ReturnType<typeof rowMapper>;
}

/** Finds a bound value among those that are given. */
type Binding = (given: Values) => unknown;

function compile(query: object): Built {
  const { rawQuery, params, fields, joinsNotNullableMap } = query as DrizzleQuery;
  const mapRows = fields && rowMapper(fields, joinsNotNullableMap);
  if (fields !== undefined && mapRows === undefined) {
    throw new TypeError(`Not a plain selection: ${rawQuery.sql}`);
  }
  return {
    statement: { sql: rawQuery.sql, rowsAsArray: fields !== undefined },
    values: params.map(bindingOf),
    mapRows,
  };
}

function bindingOf(param: unknown): Binding {
  if (is(param, Placeholder)) return (given) => read(given, param.name);
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value } = param;
    return (given) => {
      const plain = read(given, value.name);
      return plain === null ? null : encoder.mapToDriverValue(plain);
    };
  }
  return () => param;
}

function read(given: Values, name: string): unknown {
  const value = given[name];
  if (value === undefined) throw new TypeError(`No value for "${name}"`);
  return value;
}

async function run(db: Db, { statement, values, mapRows }: Built, given: Values): Promise<unknown> {
  const { client } = (db as unknown as DbInternals).session;
  const bound = values.map((value) => value(given));
  const result = await client.query(statement, bound);
  return mapRows === undefined ? result : mapRows(result[0]);
}
