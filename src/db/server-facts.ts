import { sql } from 'drizzle-orm';
import type { Db } from './client.ts';

/** What a database server says about itself and the database. */
export interface ServerFacts {
  /** As the server writes it, such as `10.11.19-MariaDB`. */
  version: string;
  /** The server's variables by name; not every server has all of them. */
  global: ReadonlyMap<string, string>;
  /** The variables of the service's own session, which sets some of them. */
  session: ReadonlyMap<string, string>;
  /** The server's clock minus this process's. */
  skewMs: number;
  databaseCharset: string;
  tables: { name: string; engine: string; collation: string }[];
  /** Columns that must be compared byte for byte, but have another collation than `utf8mb4_bin`. */
  inexactColumns: string[];
}

const EXACT_COLUMNS = "'email_key', 'username_key', 'password_hash'";

/** Asks the server, over a connection of the service. */
export async function readServerFacts(db: Db): Promise<ServerFacts> {
  const asked = Date.now();
  const [[version, seconds] = []] = await rowsOf(
    db,
    sql`select version(), unix_timestamp(utc_timestamp(3))`,
  );
  const clockMs = Number(seconds) * 1000 - (asked + Date.now()) / 2;
  const charset = await rowsOf(db, sql`select @@character_set_database`);
  const tables = await rowsOf(
    db,
    sql`select table_name, engine, table_collation from information_schema.tables
      where table_schema = database() and table_type = 'BASE TABLE' order by table_name`,
  );
  const columns = await rowsOf(
    db,
    sql`select concat(table_name, '.', column_name) from information_schema.columns
      where table_schema = database() and column_name in (${sql.raw(EXACT_COLUMNS)})
        and collation_name <> 'utf8mb4_bin'`,
  );
  return {
    version: String(version),
    global: await variables(db, 'global'),
    session: await variables(db, 'session'),
    skewMs: clockMs,
    databaseCharset: String(charset[0]?.[0]),
    tables: tables.map(([name, engine, collation]) => ({
      name: String(name),
      engine: String(engine),
      collation: String(collation),
    })),
    inexactColumns: columns.map(([name]) => String(name)),
  };
}

async function variables(db: Db, scope: 'global' | 'session'): Promise<Map<string, string>> {
  const rows = await rowsOf(
    db,
    sql`show ${sql.raw(scope)} variables where variable_name in ('sql_mode', 'time_zone',
      'transaction_isolation', 'tx_isolation', 'read_only', 'super_read_only', 'innodb_read_only', 'log_bin',
      'binlog_format', 'max_connections', 'max_prepared_stmt_count', 'max_allowed_packet', 'wsrep_on', 'group_replication_group_name',
      'group_replication_member_expel_timeout', 'group_replication_unreachable_majority_timeout')`,
  );
  return new Map(rows.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
}

async function rowsOf(db: Db, query: ReturnType<typeof sql>): Promise<unknown[][]> {
  const [rows] = await db.execute(query);
  const list: unknown[] = Array.isArray(rows) ? rows : [];
  return list.map((row) => Object.values(row as object));
}
