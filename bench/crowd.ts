import { type Connection, createConnection } from 'mysql2/promise';
import { connectionOptions } from '../src/db/connection.ts';

const FIRST_NAMES =
  'Ada,Grace,Alan,Barbara,Edsger,Frances,Donald,Radia,Dennis,Margaret,Ken,Katherine,Niklaus,Jean,Tony,Adele,Linus,Hedy,Guido,Mary'.split(
    ',',
  );
const LAST_NAMES =
  'Lovelace,Hopper,Turing,Liskov,Dijkstra,Allen,Knuth,Perlman,Ritchie,Hamilton,Thompson,Johnson,Wirth,Bartik,Hoare,Goldberg,Torvalds,Lamarr,Rossum,Keller,Öztürk,Łukasiewicz,Nguyễn,Sørensen,Müller,García,Ivanov,Sato,Kim,Chen'.split(
    ',',
  );
// the last domain belongs to the first accounts: customers migrated from an older system
const DOMAINS =
  'example.com,example.org,mail.example.net,corp.example,students.example.edu,legacy.example'.split(
    ',',
  );
const LEGACY = 50_000;
const BATCH = 50_000;
const DAY_MS = 24 * 60 * 60 * 1000;
// less than the lifetime of an unused session
const SESSION_DAYS = 20;
// in the past, so that these ids sort before those of accounts registered during a measurement
const FIRST_DAY = Date.UTC(2022, 0);
const SPACING_MS = 90_000;

/** The e-mail address of account number `n`. */
export function crowdEmail(n: number): string {
  return `${crowdUsername(n)}@${DOMAINS[domainOf(n)]}`;
}

export function crowdUsername(n: number): string {
  const first = FIRST_NAMES[n % FIRST_NAMES.length] ?? '';
  return `${first.toLowerCase()}.${n}`;
}

/** The full name of account number `n`. */
export function nameOfSomebody(n: number): string {
  return `${FIRST_NAMES[n % FIRST_NAMES.length]} ${LAST_NAMES[(n % 7919) % LAST_NAMES.length]}`;
}

function domainOf(n: number): number {
  return n < LEGACY ? 5 : n % 5;
}

/** Accounts whose number is a multiple of this are active, have no TOTP, and differ only in the number in their name. */
export const PLAIN = FIRST_NAMES.length;

/** What else a crowd has, and where to report progress. */
export interface CrowdOptions {
  /** The hash of every account's password; without it nobody can sign in. */
  readonly passwordHash?: string;
  /** The number of live sessions of each account. */
  readonly sessionsEach?: number;
  say?(line: string): void;
}

/** Fills a database with accounts and one event for each, in pure SQL: a million accounts take a few minutes. */
export async function createCrowd(
  databaseUrl: string,
  accounts: number,
  options: CrowdOptions = {},
): Promise<void> {
  const { passwordHash = null, sessionsEach = 0, say = () => {} } = options;
  const fill = async (what: string, rows: number, insert: Insert) => {
    const connection = await bulkConnection(databaseUrl);
    try {
      await connection.query('start transaction');
      for (let from = 0; from < rows; from += BATCH) {
        const count = Math.min(BATCH, rows - from);
        await insert(connection, from, count);
        say(`${(from + count).toLocaleString('en')} ${what}`);
      }
      await connection.query('commit');
    } finally {
      await connection.end();
    }
  };
  const insertUsersOf: Insert = (connection, from, count) =>
    insertUsers(connection, from, count, passwordHash);
  const insertSessionsOf: Insert = (connection, from, count) =>
    insertSessions(connection, from, count, { accounts, sessions: accounts * sessionsEach });
  // in parallel, because a single statement uses only one core
  await Promise.all([
    fill('accounts', accounts, insertUsersOf).then(() => fill('events', accounts, insertEvents)),
    fill('sessions', accounts * sessionsEach, insertSessionsOf),
  ]);
  await inDatabase(databaseUrl, 'analyze table users, sessions, audit_events');
}

type Insert = (connection: Connection, from: number, count: number) => Promise<void>;

async function bulkConnection(databaseUrl: string): Promise<Connection> {
  const connection = await createConnection({
    ...connectionOptions(databaseUrl, () => ''),
    timezone: 'Z',
  });
  // the rows are consistent by construction, and sessions are inserted before their accounts
  await connection.query('set foreign_key_checks = 0, unique_checks = 0');
  return connection;
}

/** Makes an account an administrator. */
export function makeAdmin(databaseUrl: string, email: string): Promise<void> {
  return inDatabase(databaseUrl, "update users set role = 'ADMIN' where email_key = ?", [email]);
}

async function inDatabase(databaseUrl: string, sql: string, values: string[] = []): Promise<void> {
  const connection = await createConnection(connectionOptions(databaseUrl, () => ''));
  try {
    await connection.query(sql, values);
  } finally {
    await connection.end();
  }
}

/** `count` numbers, starting at `from`, as a derived table `numbers (n)`. */
function numbers(from: number, count: number): string {
  const digit =
    'select 0 d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9';
  const digits = [0, 1, 2, 3, 4].map((place) => `(${digit}) d${place}`);
  const value = 'd0.d + 10 * d1.d + 100 * d2.d + 1000 * d3.d + 10000 * d4.d';
  return `(select ${from} + ${value} n from ${digits.join(', ')} where ${value} < ${count} order by n) numbers`;
}

const at = `(timestamp '2022-01-01 00:00:00' + interval n * ${SPACING_MS / 1000} second)`;
// a UUIDv7: the time, the version, and bits that look random but are the same in every run
const uuid = (milliseconds: string, salt: string, number: string) =>
  `unhex(concat(lpad(hex(${milliseconds}), 12, '0'), '7', left(sha2(concat('${salt}', ${number}), 256), 3), '8', right(sha2(concat('${salt}', ${number}), 256), 15)))`;
const idFor = (salt: string, number = 'n') =>
  uuid(`${FIRST_DAY} + ${number} * ${SPACING_MS}`, salt, number);
const pick = (index: string, words: readonly string[]) =>
  `elt(1 + ${index}, ${words.map((word) => `'${word}'`).join(', ')})`;

async function insertUsers(
  connection: Connection,
  from: number,
  count: number,
  passwordHash: string | null,
): Promise<void> {
  const first = pick(`n % ${FIRST_NAMES.length}`, FIRST_NAMES);
  const last = pick(`n % 7919 % ${LAST_NAMES.length}`, LAST_NAMES);
  const domain = pick(`if(n < ${LEGACY}, 5, n % 5)`, DOMAINS);
  const username = `concat(lower(${first}), '.', n)`;
  const email = `concat(${username}, '@', ${domain})`;
  const isPlain = `n % ${PLAIN} = 0`;
  await connection.query(
    `insert into users (id, email, email_key, email_verified_at, username, username_key, display_name, password_hash,
        role, status, app_metadata, totp_secret, created_at, updated_at)
      select ${idFor('user')}, ${email}, ${email}, ${at}, ${username}, ${username},
        if(n % 4 = 3, null, concat(${first}, ' ', ${last})), ?,
        'USER', if(not ${isPlain} and n % 97 = 0, 'DISABLED', 'ACTIVE'), '{}',
        if(not ${isPlain} and n % 11 = 0, 'secret', null), ${at}, ${at}
      from ${numbers(from, count)}`,
    [passwordHash],
  );
}

async function insertEvents(connection: Connection, from: number, count: number): Promise<void> {
  const types = ['LOGIN_SUCCEEDED', 'LOGIN_FAILED', 'PROFILE_UPDATED', 'REGISTERED'];
  await connection.query(
    `insert into audit_events (id, type, at, user_id, actor_id, request_id, ip_address, user_agent, detail)
      select ${idFor('event')}, ${pick('n % 4', types)}, ${at}, ${idFor('user')}, ${idFor('user')},
        left(sha2(n, 256), 32), '192.0.2.1', 'Mozilla/5.0', '{}'
      from ${numbers(from, count)}`,
  );
}

/** Inserts sessions spread evenly over the last days: first one for each account, then a second one for each, and so on. */
async function insertSessions(
  connection: Connection,
  from: number,
  count: number,
  all: { accounts: number; sessions: number },
): Promise<void> {
  const since = Date.now() - SESSION_DAYS * DAY_MS;
  const spacing = (SESSION_DAYS * DAY_MS) / all.sessions;
  const began = `(timestamp '1970-01-01 00:00:00' + interval (${since} + n * ${spacing}) / 1000 second)`;
  await connection.query(
    `insert into sessions (id, user_id, generation, nonce, rotated_at, remembered, cookies, amr, authenticated_at,
        created_at, last_used_at, expires_at, absolute_expires_at, ip_address, user_agent)
      select ${uuid(`cast(${since} + n * ${spacing} as unsigned)`, 'session', 'n')}, ${idFor('user', `(n % ${all.accounts})`)},
        n % 20, unhex(md5(n)), ${began}, 1, n % 2, 'pwd', ${began}, ${began}, ${began},
        ${began} + interval 30 day, ${began} + interval 90 day, '192.0.2.1', 'Mozilla/5.0'
      from ${numbers(from, count)}`,
  );
}
