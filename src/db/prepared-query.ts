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

/** A query that is executed with values for its placeholders, by name. */
export interface PreparedQuery<Result, Given = Values> {
  execute(values: Given): Promise<Result>;
}

/**
 * Builds a query once instead of at each call, and runs it without the work that Drizzle does per call: together these
 * cost more than the statement itself. The query runs on whichever database or transaction it is given.
 *
 * @param build makes the query with `.prepare()`, and a placeholder for each value that differs from call to call.
 *   Selections must be plain: no left joins, whose row may be missing.
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

/** The longest list that a query of `builtForLists` takes. */
export const LONGEST_LIST = 16;

// a statement for each length would be prepared on each connection, most of them for only a few calls
const LENGTHS = [1, 2, 4, 8, LONGEST_LIST];

/**
 * `builtOnce` for a query about a list of items whose length varies from call to call.
 *
 * @param build is given the length of the list; `listed` makes the placeholders of its items
 * @returns a query that takes the items, and the values that are the same for all of them. The list is padded with its
 *   first item, so the query must tolerate duplicates.
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

/** The placeholders for one field of each item of a list. */
export function listed(
  name: string,
  column: DriverValueEncoder<unknown, unknown>,
  length: number,
): SQL[] {
  return Array.from({ length }, (_, index) => placeholder(name + index, column));
}

/** `builtOnce` for hand-written SQL, where Drizzle has no builder. */
export function statementBuiltOnce(statement: SQL): (db: Db) => PreparedQuery<MySqlRawQueryResult> {
  return builtOnce((db) => preparedStatement(db, statement));
}

/** Hand-written SQL as a query for `builtOnce` and `builtForLists`. */
export function preparedStatement(
  db: Db,
  statement: SQL,
): { execute(): Promise<MySqlRawQueryResult> } {
  const { session, dialect } = db as unknown as DbInternals;
  return session.prepareQuery(dialect.sqlToQuery(statement), undefined);
}

/** An INSERT of one row, built once. It takes a value for every column except generated ones. */
export function insertBuiltOnce<Table extends MySqlTable>(
  table: Table,
): (db: Db) => PreparedQuery<MySqlRawQueryResult, Required<Table['$inferInsert']>> {
  const columns = Object.entries(getTableColumns<MySqlTable>(table));
  const given = columns.filter(([, column]) => column.generated === undefined);
  const row = Object.fromEntries(given.map(([key, column]) => [key, placeholder(key, column)]));
  return builtOnce((db) => db.insert<MySqlTable>(table).values(row).prepare());
}

/**
 * A placeholder in a query that is built once, encoded as its column is. Drizzle's own placeholder does not encode its
 * value, and a UUID string does not fit a BINARY(16).
 */
export function placeholder(name: string, column: DriverValueEncoder<unknown, unknown>): SQL {
  return sql`${sql.param(sql.placeholder(name), column)}`;
}

/** The part of Drizzle's prepared query that is needed to run it. */
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
  /** Absent if the query selects no rows. */
  readonly mapRows: ReturnType<typeof rowMapper>;
}

/** Picks a bound value out of the given ones. */
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
