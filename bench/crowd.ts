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
// the last one is that of the first accounts: customers who came with an older system
const DOMAINS =
  'example.com,example.org,mail.example.net,corp.example,students.example.edu,legacy.example'.split(
    ',',
  );
const LEGACY = 50_000;
const BATCH = 50_000;
// so that everybody's id is older than those of whoever registers during a measurement
const FIRST_DAY = Date.UTC(2022, 0);
const SPACING_MS = 90_000;

/** The account with the number `n`, by what it can be found. */
export function crowdEmail(n: number): string {
  return `${crowdUsername(n)}@${DOMAINS[domainOf(n)]}`;
}

export function crowdUsername(n: number): string {
  const first = FIRST_NAMES[n % FIRST_NAMES.length] ?? '';
  return `${first.toLowerCase()}.${n}`;
}

/** What somebody is called: first and last name. */
export function nameOfSomebody(n: number): string {
  return `${FIRST_NAMES[n % FIRST_NAMES.length]} ${LAST_NAMES[(n % 7919) % LAST_NAMES.length]}`;
}

function domainOf(n: number): number {
  return n < LEGACY ? 5 : n % 5;
}

/**
 * Fills a database with accounts nobody signs in to, by SQL alone: a million takes a minute or two.
 *
 * @param say hears how many there are by now
 */
export async function createCrowd(
  databaseUrl: string,
  accounts: number,
  say: (line: string) => void = () => {},
): Promise<void> {
  const connection = await createConnection({
    ...connectionOptions(databaseUrl, () => ''),
    timezone: 'Z',
  });
  try {
    for (let from = 0; from < accounts; from += BATCH) {
      await insertUsers(connection, from, Math.min(BATCH, accounts - from));
      await insertEvents(connection, from, Math.min(BATCH, accounts - from));
      say(`${Math.min(accounts, from + BATCH)} accounts`);
    }
    await connection.query('analyze table users, audit_events');
  } finally {
    await connection.end();
  }
}

/** Gives an account the right to administer. */
export async function makeAdmin(databaseUrl: string, email: string): Promise<void> {
  const connection = await createConnection(connectionOptions(databaseUrl, () => ''));
  try {
    await connection.query("update users set role = 'ADMIN' where email_key = ?", [email]);
  } finally {
    await connection.end();
  }
}

/** The numbers from `from` on, as a table `numbers (n)`. */
function numbers(from: number, count: number): string {
  const digit =
    'select 0 d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9';
  const digits = [0, 1, 2, 3, 4].map((place) => `(${digit}) d${place}`);
  const value = 'd0.d + 10 * d1.d + 100 * d2.d + 1000 * d3.d + 10000 * d4.d';
  return `(select ${from} + ${value} n from ${digits.join(', ')} where ${value} < ${count} order by n) numbers`;
}

const at = `(timestamp '2022-01-01 00:00:00' + interval n * ${SPACING_MS / 1000} second)`;
// a UUIDv7: the time, the version, and bits that look random but are the same at each run
const idFor = (salt: string) =>
  `unhex(concat(lpad(hex(${FIRST_DAY} + n * ${SPACING_MS}), 12, '0'), '7', left(sha2(concat('${salt}', n), 256), 3), '8', right(sha2(concat('${salt}', n), 256), 15)))`;
const pick = (index: string, words: readonly string[]) =>
  `elt(1 + ${index}, ${words.map((word) => `'${word}'`).join(', ')})`;

async function insertUsers(connection: Connection, from: number, count: number): Promise<void> {
  const first = pick(`n % ${FIRST_NAMES.length}`, FIRST_NAMES);
  const last = pick(`n % 7919 % ${LAST_NAMES.length}`, LAST_NAMES);
  const domain = pick(`if(n < ${LEGACY}, 5, n % 5)`, DOMAINS);
  const username = `concat(lower(${first}), '.', n)`;
  const email = `concat(${username}, '@', ${domain})`;
  await connection.query(
    `insert into users (id, email, email_key, email_verified_at, username, username_key, display_name, role, status,
        app_metadata, totp_secret, created_at, updated_at)
      select ${idFor('user')}, ${email}, ${email}, ${at}, ${username}, ${username},
        if(n % 4 = 3, null, concat(${first}, ' ', ${last})),
        'USER', if(n % 97 = 0, 'DISABLED', 'ACTIVE'), '{}', if(n % 11 = 0, 'secret', null), ${at}, ${at}
      from ${numbers(from, count)}`,
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
