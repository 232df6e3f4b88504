import type { Connection } from 'mysql2/promise';

const BATCH = 50_000;
const SESSIONS_EACH = 5;

const DIGIT = Array.from({ length: 10 }, (_, d) => `select ${d} d`).join(' union all ');
// the numbers of one batch, as a table
const numbers = (from: number) =>
  `(select ${from} + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d n
    from (${DIGIT}) a, (${DIGIT}) b, (${DIGIT}) c, (${DIGIT}) d, (${DIGIT}) e where e.d < ${BATCH / 10_000}) numbers`;
// a UUIDv7 from long ago
const id = (salt: string, n: string) =>
  `unhex(concat(lpad(hex(1700000000000 + ${n} * 1000), 12, '0'), '7', left(sha2(concat('${salt}', ${n}), 256), 3), '8', right(sha2(concat('${salt}', ${n}), 256), 15)))`;
const LONG_AGO = 'utc_timestamp(3) - interval 60 day - interval n second';

/** Inserts `rows` sessions and `rows` rate-limit windows that expired long ago, and as many live ones. */
export async function fill(
  connection: Connection,
  rows: number,
  say: (line: string) => void,
): Promise<void> {
  for (let from = 0; from < rows; from += BATCH) {
    const owner = id('user', `(n div ${SESSIONS_EACH})`);
    const email = `concat('somebody-', n div ${SESSIONS_EACH}, '@example.com')`;
    await connection.query(
      `insert into users (id, email, email_key, role, status, app_metadata, created_at, updated_at)
        select ${owner}, ${email}, ${email}, 'USER', 'ACTIVE', '{}', ${LONG_AGO}, ${LONG_AGO}
        from ${numbers(from)} where n % ${SESSIONS_EACH} = 0`,
    );
    await insertSessions(connection, from, 'over', LONG_AGO);
    await insertSessions(connection, from, 'live', 'utc_timestamp(3) + interval 20 day');
    for (const end of ['- interval 1 hour', '+ interval 1 day']) {
      await connection.query(
        `insert into rate_limit_hits select random_bytes(16), 3, utc_timestamp(3) ${end} from ${numbers(from)}`,
      );
    }
    say(`${from + BATCH} of ${rows}`);
  }
  await connection.query('analyze table users, sessions, rate_limit_hits');
}

async function insertSessions(connection: Connection, from: number, salt: string, end: string) {
  const owner = id('user', `(n div ${SESSIONS_EACH})`);
  await connection.query(
    `insert into sessions (id, user_id, generation, nonce, rotated_at, remembered, cookies, amr, authenticated_at,
        created_at, last_used_at, expires_at, absolute_expires_at, ip_address, user_agent)
      select ${id(salt, 'n')}, ${owner}, 0, random_bytes(16), ${LONG_AGO}, 1, 0, 'pwd', ${LONG_AGO},
        ${LONG_AGO}, ${LONG_AGO}, ${end}, ${end}, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64)'
      from ${numbers(from)}`,
  );
}
