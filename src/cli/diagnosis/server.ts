import { STATEMENTS_PER_CONNECTION } from '../../db/client.ts';
import type { ServerFacts } from '../../db/server-facts.ts';
import { judgeCluster } from './cluster.ts';
import { type Finding, findingsOf } from './finding.ts';

const OLDEST = { MySQL: [8, 4], MariaDB: [10, 11] } as const;
const NEEDED_MODES = ['STRICT_ALL_TABLES', 'NO_ZERO_DATE', 'NO_ENGINE_SUBSTITUTION'];
const WORTH_TELLING_MS = 2000;
const WORST_SKEW_MS = 30_000;
const SMALLEST_PACKET = 1024 * 1024;
// `/ready` asks over a connection outside the pool
const BESIDE_POOL = 1;

const version = findingsOf('version');
const charset = findingsOf('charset');
const sqlMode = findingsOf('sql-mode');
const timeZone = findingsOf('time-zone');
const clock = findingsOf('clock');
const isolation = findingsOf('isolation');
const engine = findingsOf('engine');
const capacity = findingsOf('capacity');
const writable = findingsOf('writable');

/** Judges a server by its version and variables. */
export function judgeServer(facts: ServerFacts, connections: number): Finding[] {
  return [
    judgeVersion(facts),
    ...judgeCharset(facts),
    judgeSqlMode(facts),
    judgeTimeZone(facts),
    judgeClock(facts),
    judgeIsolation(facts),
    judgeEngine(facts),
    judgeCapacity(facts, connections),
    judgeWritable(facts),
    ...judgeCluster(facts),
  ];
}

function judgeVersion({ version: text }: ServerFacts): Finding {
  const product = /mariadb/i.test(text) ? 'MariaDB' : 'MySQL';
  const [major = 0, minor = 0] = (/\d+\.\d+/.exec(text)?.[0] ?? '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[product];
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  const found = `It is ${product} ${major}.${minor}`;
  if (isNewEnough) return version.ok(`${found}.`);
  return version.broken(
    `${found}; the oldest that is supported is ${product} ${oldestMajor}.${oldestMinor}.`,
    'Upgrade the server: MySQL 8.4 or 9, or MariaDB 10.11 or newer.',
  );
}

function judgeCharset({ databaseCharset, tables, inexactColumns }: ServerFacts): Finding[] {
  const others = tables.filter(({ collation }) => !collation.startsWith('utf8mb4'));
  const findings: Finding[] = [];
  if (databaseCharset !== 'utf8mb4') {
    findings.push(
      charset.broken(
        `The database has the character set ${databaseCharset}: it cannot store every name and address.`,
        'Run: ALTER DATABASE ... CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
      ),
    );
  }
  // never have the tables of the migrations (schema_...) converted: their text columns are ascii on purpose
  const converted = others.filter(({ name }) => !name.startsWith('schema_'));
  if (converted.length > 0) {
    findings.push(
      charset.broken(
        `Tables have another character set than utf8mb4: ${list(converted.map(({ name }) => name))}.`,
        'Run for each: ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4, and then check again.',
      ),
    );
  }
  if (inexactColumns.length > 0) {
    findings.push(
      charset.broken(
        `Columns are not compared byte for byte: ${list(inexactColumns)}. Two users could be taken for one.`,
        'Restore the definition in drizzle/: CHARACTER SET utf8mb4 COLLATE utf8mb4_bin.',
      ),
    );
  }
  return findings.length > 0 ? findings : [charset.ok('It is utf8mb4.')];
}

function judgeSqlMode({ session, global }: ServerFacts): Finding {
  const ours = session.get('sql_mode') ?? '';
  const missing = NEEDED_MODES.filter((mode) => !ours.includes(mode));
  if (missing.length > 0) {
    return sqlMode.broken(
      `The service's sessions lack ${missing.join(', ')}, though it sets them: something between it and the server resets sessions.`,
      'Configure the proxy or pooler in between to keep session variables, or connect to the server directly.',
    );
  }
  if (!/STRICT_(ALL|TRANS)_TABLES/.test(global.get('sql_mode') ?? '')) {
    return sqlMode.warning(
      "The server's sql_mode is not strict. The service sets its own mode, but values from other writers to this database may be cut off silently.",
      "Add STRICT_TRANS_TABLES to the server's sql_mode, in its configuration file and by SET GLOBAL.",
    );
  }
  return sqlMode.ok('It is strict.');
}

function judgeTimeZone({ session, global }: ServerFacts): Finding {
  const ours = session.get('time_zone');
  if (ours === '+00:00') {
    return timeZone.ok(
      `The service's sessions are in UTC; the server's time zone is ${global.get('time_zone')}.`,
    );
  }
  return timeZone.broken(
    `The service's sessions are in ${ours}, though it sets UTC: something between it and the server resets sessions.`,
    'Configure the proxy or pooler in between to keep session variables, or connect to the server directly.',
  );
}

function judgeClock({ skewMs }: ServerFacts): Finding {
  const size = Math.abs(skewMs);
  if (size <= WORTH_TELLING_MS) return clock.ok("The server's clock and this machine's agree.");
  const seconds = Math.round(size / 1000);
  const message = `The server's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's. The service uses the server's clock; backends that verify tokens use their own.`;
  const mend = 'Set both clocks by NTP.';
  return size > WORST_SKEW_MS ? clock.broken(message, mend) : clock.warning(message, mend);
}

function judgeIsolation({ session, global }: ServerFacts): Finding {
  const ours = session.get('transaction_isolation') ?? session.get('tx_isolation');
  if (ours !== 'READ-COMMITTED') {
    return isolation.broken(
      `The service's sessions run at ${ours}, though it sets READ COMMITTED: something between it and the server resets sessions.`,
      'Configure the proxy or pooler in between to keep session variables, or connect to the server directly.',
    );
  }
  if (global.get('log_bin') === 'ON' && global.get('binlog_format') === 'STATEMENT') {
    return isolation.broken(
      'binlog_format is STATEMENT, with which the server refuses writes at READ COMMITTED: every write fails.',
      'Set binlog_format=ROW on the server.',
    );
  }
  return isolation.ok('The service runs at READ COMMITTED.');
}

function judgeEngine({ tables }: ServerFacts): Finding {
  const others = tables.filter(({ engine: name }) => name !== 'InnoDB');
  if (others.length === 0) return engine.ok('Every table is InnoDB.');
  return engine.broken(
    `Tables without transactions: ${list(others.map(({ name, engine: its }) => `${name} (${its})`))}.`,
    'Run for each: ALTER TABLE ... ENGINE=InnoDB, and set default_storage_engine=InnoDB.',
  );
}

function judgeCapacity({ global }: ServerFacts, connections: number): Finding {
  const limit = (name: string) => Number(global.get(name) ?? Number.POSITIVE_INFINITY);
  const needed = connections + BESIDE_POOL;
  if (limit('max_connections') < needed) {
    return capacity.broken(
      `DATABASE_CONNECTIONS is ${connections}, and /ready needs one more, but the server accepts only ${limit('max_connections')}.`,
      'Lower DATABASE_CONNECTIONS, or raise max_connections: all instances together must fit.',
    );
  }
  if (limit('max_allowed_packet') < SMALLEST_PACKET) {
    return capacity.broken(
      `max_allowed_packet is ${limit('max_allowed_packet')} bytes: large writes fail.`,
      'Set max_allowed_packet to 16M on the server.',
    );
  }
  const statements = limit('max_prepared_stmt_count');
  // during a deployment the old instance runs beside its successor for a while
  const instances = Math.floor(
    Math.min(
      limit('max_connections') / needed,
      statements / (connections * STATEMENTS_PER_CONNECTION),
    ),
  );
  const fitting = `${instances} ${instances === 1 ? 'instance' : 'instances'} of ${connections} connections (DATABASE_CONNECTIONS) and one for /ready`;
  const limits = `max_connections is ${limit('max_connections')}, max_prepared_stmt_count ${statements}`;
  if (instances < 2) {
    return capacity.warning(
      `The server has room for no more than ${fitting}: ${limits}. A second instance, or the next version during a deployment, would run out of connections or statements.`,
      `Raise max_connections on the server, and max_prepared_stmt_count to ${STATEMENTS_PER_CONNECTION} for each connection of all instances; or lower DATABASE_CONNECTIONS.`,
    );
  }
  return capacity.ok(
    Number.isFinite(instances)
      ? `The server has room for ${fitting}, and for no more; ${limits}.`
      : 'The server reports no limits.',
  );
}

function judgeWritable({ global }: ServerFacts): Finding {
  const names = ['read_only', 'super_read_only', 'innodb_read_only'];
  const on = names.filter((name) => ['ON', '1'].includes(global.get(name) ?? ''));
  if (on.length === 0) return writable.ok('The server accepts writes.');
  return writable.broken(
    `The server accepts no writes (${on.join(', ')} is on): it is a replica, or was left read-only.`,
    'Point DATABASE_URL at the primary, or run SET GLOBAL read_only=OFF on this server.',
  );
}

function list(names: string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more}`;
}
