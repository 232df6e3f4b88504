import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import { idBytes, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const LIVE = 4000;
// more than a batch
const EXPIRED = 700;
const DIGIT = Array.from({ length: 10 }, (_, d) => `select ${d} d`).join(' union all ');

let app: TestApp;
beforeAll(async () => {
  // one connection, so that what it counts is all there is
  app = await createTestApp({ env: { DATABASE_CONNECTIONS: '1' } });
  await fill(LIVE, 'live');
});
afterAll(() => app.close());

/** Rows of every kind that is ever forgotten: over for long, or good for years. */
async function fill(count: number, kind: 'expired' | 'live'): Promise<void> {
  const { id } = await registerUser(app);
  const user = `x'${idBytes(id).toString('hex')}'`;
  const end = kind === 'live' ? "'2099-01-01'" : "'2001-01-01'";
  const numbers = `from (${DIGIT}) a, (${DIGIT}) b, (${DIGIT}) c, (${DIGIT}) d limit ${count}`;
  const inserts = [
    `rate_limit_hits select random_bytes(16), 1, ${end}`,
    `attempt_counters select random_bytes(32), 1, 0, ${end}, null, null`,
    `login_challenges select random_bytes(32), ${user}, null, 0, 0, 0, ${end}, ${end}, null`,
    `email_tokens select random_bytes(32), elt(1 + a.d % 2, 'VERIFY_EMAIL', 'RESET_PASSWORD'), ${user}, 'a@b.c', ${end}, ${end}, null`,
    `pending_registrations select hex(random_bytes(16)), 'a@b.c', null, null, null, '', 'h', random_bytes(32), ${end}, ${end}, ${end}`,
    `sessions (id, user_id, generation, nonce, rotated_at, remembered, cookies, amr, authenticated_at, created_at, last_used_at, expires_at, absolute_expires_at)
      select random_bytes(16), ${user}, 0, random_bytes(16), ${end}, 0, 0, 'pwd', ${end}, ${end}, ${end}, ${end}, ${end}`,
    `outbox select random_bytes(16), ${user}, 'verify-email', null, elt(1 + a.d % 3, 'SENT', 'FAILED', 'KEPT'), 1, ${end}, ${end}, ${end}, null`,
    `audit_events (id, type, at, detail) select random_bytes(16), 'LOGIN_SUCCEEDED', ${end}, '{}'`,
  ];
  for (const insert of inserts) {
    await runSql(app.databaseUrl, `insert into ${insert} ${numbers}`);
  }
  if (kind === 'expired') await endSessions(user, count);
}

/** Of the sessions that live, some that have ended long ago. */
async function endSessions(user: string, count: number): Promise<void> {
  const end = "update sessions set ended_at = '2001-01-01' where expires_at > '2098-01-01'";
  await runSql(app.databaseUrl, `${end} and user_id <> ${user} limit ${count}`);
}

/** How many rows the connection has read by scanning tables and by sorting, and that `work` made of it. */
async function scannedBy(work: () => Promise<unknown>): Promise<number> {
  const counted = async () => {
    const [rows] = await app.app.deps.db.execute(
      sql`show session status where variable_name in ('Handler_read_rnd_next', 'Handler_read_rnd', 'Sort_rows')`,
    );
    return (rows as unknown as { Value: string }[]).reduce((sum, { Value }) => sum + +Value, 0);
  };
  const [first, second] = [await counted(), await counted()];
  await work();
  // reading it counts as well
  return (await counted()) - second - (second - first);
}

it('looks through no table when there is nothing to forget', async () => {
  expect(await scannedBy(() => forgetExpiredByKind(app.app.deps))).toBeLessThan(100);
});

it('looks at what it forgets and at no more when there is something', async () => {
  await fill(EXPIRED, 'expired');
  const scanned = await scannedBy(async () => {
    const forgotten = await forgetExpiredByKind(app.app.deps);
    expect(forgotten).toMatchObject({
      rateLimitHits: EXPIRED,
      attemptCounters: EXPIRED,
      loginChallenges: EXPIRED,
      emailTokens: EXPIRED,
      registrations: EXPIRED,
      sessions: 2 * EXPIRED,
      mails: EXPIRED,
      auditEvents: EXPIRED,
    });
  });
  // a batch that is not full may be sorted; what lives is not looked at
  expect(scanned).toBeLessThan(5 * EXPIRED);
});
