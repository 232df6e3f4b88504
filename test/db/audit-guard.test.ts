import { randomBytes } from 'node:crypto';
import { stringify as stringifyUuid } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newId } from '../../src/crypto/id.ts';
import { grantRuntime, withConnection } from '../../src/db/accounts.ts';
import { transaction } from '../../src/db/client.ts';
import { connectionOptions } from '../../src/db/connection.ts';
import { MIGRATION_PRIVILEGES } from '../../src/db/grants.ts';
import { migrate } from '../../src/db/migrate.ts';
import { MIGRATIONS } from '../../src/db/migration-files.ts';
import { parseGrants } from '../../src/db/rights.ts';
import { forgetExpiredByKind } from '../../src/flows/housekeeping.ts';
import { checkEventGuard, purgeEvents } from '../../src/records/audit-event.ts';
import { pseudonymizeEvents } from '../../src/records/erasure.ts';
import {
  auditTypes,
  enrolTotp,
  FAILURE,
  idBytes,
  isSignedIn,
  logIn,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { dropDatabase, newDatabaseUrl, runSql } from '../support/database.ts';

const DAY_MS = 86_400_000;
const suffix = randomBytes(4).toString('hex');
const PASSWORD_OF_BOTH = `Pw-${suffix}-1a!`;
const [migrator, runtime] = [`lk_migrate_${suffix}`, `lk_run_${suffix}`];
const operatorUrl = newDatabaseUrl();
const { database } = connectionOptions(operatorUrl, () => '');

/** The same database as another user. */
function urlOf(user: string): string {
  const url = new URL(operatorUrl);
  url.username = user;
  url.password = PASSWORD_OF_BOTH;
  return url.href;
}

const operator = (sql: string) =>
  runSql(inject('databaseUrl').replace(/\/[^/?]*(\?|$)/, '/mysql$1'), sql);

/** The service as `create-db` sets it up: one user has migrated, another one runs it. */
let app: TestApp;
beforeAll(async () => {
  await operator(`create database ${database} character set utf8mb4 collate utf8mb4_unicode_ci`);
  for (const user of [migrator, runtime]) {
    for (const host of ['localhost', '%']) {
      await operator(`create user '${user}'@'${host}' identified by '${PASSWORD_OF_BOTH}'`);
    }
  }
  for (const host of ['localhost', '%']) {
    await operator(
      `grant ${MIGRATION_PRIVILEGES.join(', ')} on \`${database}\`.* to '${migrator}'@'${host}' with grant option`,
    );
  }
  const connection = connectionOptions(urlOf(migrator), () => '');
  await migrate({ connection, folder: MIGRATIONS, log: () => undefined });
  await withConnection(connection, async (open) => {
    for (const host of ['localhost', '%']) {
      await grantRuntime(open, { user: runtime, host }, database, parseGrants([]));
    }
  });
  const env = { DATABASE_URL: urlOf(runtime) };
  app = await createTestApp({ databaseUrl: operatorUrl, env });
});
afterAll(async () => {
  await app.close();
  await dropDatabase(operatorUrl);
  for (const user of [migrator, runtime]) {
    for (const host of ['localhost', '%']) await operator(`drop user '${user}'@'${host}'`);
  }
});

const service = (sql: string, values: (string | number | Buffer | Date)[] = []) =>
  runSql(urlOf(runtime), sql, values);

async function insertEvent(at: Date, userId: string | null = null): Promise<void> {
  await runSql(
    operatorUrl,
    "insert into audit_events (id, type, at, user_id, ip_address, detail) values (?, 'LOGIN_FAILED', ?, ?, '192.0.2.1', '{}')",
    [idBytes(newId(at)), at, userId === null ? null : idBytes(userId)],
  );
}

it.each([
  "update audit_events set detail = '{}'",
  'delete from audit_events',
  'delete from audit_events where 1 = 0',
  'truncate table audit_events',
  'replace into audit_events select * from audit_events',
  'insert into audit_events select * from audit_events on duplicate key update at = at',
  'drop table audit_events',
  'rename table audit_events to elsewhere',
  'alter table audit_events drop column ip_address',
  'drop procedure purge_audit_events',
  'create procedure p() delete from audit_events',
  'create trigger t before insert on audit_events for each row set new.detail = 1',
])('refuses the service to %s', async (sql) => {
  await registerUser(app);
  const count = () => runSql(operatorUrl, 'select count(*) as n from audit_events');
  const before = await count();
  await expect(service(sql)).rejects.toThrow(/denied|privilege/);
  expect(await count()).toEqual(before);
});

it('knows that it is guarded, and with all rights that it is not', async () => {
  expect(await checkEventGuard(app.app.deps.db)).toEqual({
    canChange: false,
    missingProcedures: [],
  });
  const env = { DATABASE_URL: operatorUrl };
  const unguarded = await createTestApp({ databaseUrl: operatorUrl, env });
  const guard = await checkEventGuard(unguarded.app.deps.db);
  await unguarded.close();
  expect(guard).toEqual({ canChange: true, missingProcedures: [] });
});

describe('the procedure that purges', () => {
  it('deletes the oldest first, so many as it is told', async () => {
    const now = Date.now();
    for (const days of [400, 500, 600]) await insertEvent(new Date(now - days * DAY_MS));
    const before = new Date(now - 365 * DAY_MS);
    expect(await purgeEvents(app.app.deps.db, before, 2)).toBe(2);
    const [left] = await runSql<{ at: Date }>(
      operatorUrl,
      'select at from audit_events order by at limit 1',
    );
    expect(left?.at.getTime()).toBe(now - 400 * DAY_MS);
    expect(await purgeEvents(app.app.deps.db, before, 100)).toBe(1);
  });

  it('spares what is younger than 30 days, whatever it is asked', async () => {
    await insertEvent(new Date(Date.now() - 29 * DAY_MS));
    await insertEvent(new Date(Date.now() - 31 * DAY_MS));
    const [before] = await runSql<{ n: number }>(
      operatorUrl,
      'select count(*) as n from audit_events',
    );
    const farAhead = new Date(Date.now() + 1000 * DAY_MS);
    expect(await purgeEvents(app.app.deps.db, farAhead, 1_000_000)).toBe(1);
    const [after] = await runSql<{ n: number }>(
      operatorUrl,
      'select count(*) as n from audit_events',
    );
    expect(after?.n).toBe((before?.n ?? 0) - 1);
  });

  it('is what housekeeping goes through', async () => {
    const { retentionMs } = app.app.deps.config.audit;
    await insertEvent(new Date(app.clock.now().getTime() - retentionMs - 1000));
    await insertEvent(new Date(app.clock.now().getTime() - retentionMs + 1000));
    await forgetExpiredByKind(app.app.deps);
    const old = await runSql(operatorUrl, 'select id from audit_events where at < ?', [
      new Date(app.clock.now().getTime() - 100 * DAY_MS),
    ]);
    expect(old).toHaveLength(1);
  });
});

describe('the procedure that pseudonymises', () => {
  const PSEUDONYM = Buffer.from('00000000000080008000000000000001', 'hex');
  const call = (user: Buffer, pseudonym: Buffer, limit = 1000) =>
    service('call pseudonymize_audit_events(?, ?, ?, @changed)', [user, pseudonym, limit]);

  it('refuses while the account exists', async () => {
    const user = await registerUser(app);
    await expect(call(idBytes(user.id), PSEUDONYM)).rejects.toThrow('An account that exists');
    expect(await auditTypes(app, user.id)).toEqual(['REGISTERED']);
  });

  it('blames nobody: neither an account nor an id that could be one', async () => {
    const [gone, other] = ['01890000-0000-7000-8000-00000000000a', await registerUser(app)];
    await insertEvent(new Date(), gone);
    await expect(call(idBytes(gone), idBytes(other.id))).rejects.toThrow('An account that exists');
    const another = idBytes('01890000-0000-7000-8000-00000000000b');
    await expect(call(idBytes(gone), another)).rejects.toThrow('A pseudonym is a UUIDv8');
    await call(idBytes(gone), PSEUDONYM);
    const second = Buffer.from(PSEUDONYM).fill(2, 15);
    await expect(call(PSEUDONYM, second)).rejects.toThrow('A pseudonym is a UUIDv8');
  });

  it('changes no more events than it is told, and says how many it changed', async () => {
    const gone = '01890000-0000-7000-8000-00000000000c';
    for (let i = 0; i < 5; i++) await insertEvent(new Date(), gone);
    await runSql(
      operatorUrl,
      'update audit_events set actor_id = user_id where user_id = ? limit 2',
      [idBytes(gone)],
    );
    const other = await registerUser(app);
    await runSql(operatorUrl, 'update audit_events set actor_id = ? where user_id = ?', [
      idBytes(gone),
      idBytes(other.id),
    ]);
    const erasure = { id: gone, pseudonym: stringifyUuid(PSEUDONYM) };
    const { db } = app.app.deps;
    const changed = [];
    for (let i = 0; i < 4; i++) {
      changed.push(await transaction(db, (tx) => pseudonymizeEvents(tx, erasure, 2)));
    }
    // the last one is what it did to somebody else
    expect(changed).toEqual([2, 2, 2, 0]);
    expect(await auditTypes(app, gone)).toEqual([]);
  });
});

it('runs the service: what people and administrators do takes no more rights', async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  const { secret } = await enrolTotp(app, user);
  const code = nextTotpCode(app, secret);
  const signedIn = await logIn(app, { identifier: user.email, code, remember: true });
  expect((await refresh(app, signedIn.tokens.refreshToken)).__typename).toBe('RefreshSuccess');
  await logIn(app, { identifier: user.email, password: 'wrong' });
  const token = admin.accessToken;
  const query = `mutation ($id: ID!) {
    unlockUser(id: $id) { __typename }
    updateUser(input: { id: $id, appMetadata: { plan: "pro" } }) { __typename }
    resetUserTotp(id: $id) { __typename }
    revokeUserSessions(id: $id) { __typename ${FAILURE} }
  }`;
  const done = await app.gql(query, { id: user.id }, { token });
  expect(done.errors).toBeUndefined();
  const lists = await app.gql(
    '{ admin { users(search: "ada") { totalCount } auditEvents { edges { node { id } } } dashboard { users } } }',
    {},
    { token },
  );
  expect(lists.errors).toBeUndefined();
  const last = await logIn(app, { identifier: user.email });
  const deletion = await app.gql(
    `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`,
    {},
    { token: last.tokens.accessToken },
  );
  expect(deletion.data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
  expect(await isSignedIn(app, last.tokens.accessToken)).toBe(false);
  expect(await auditTypes(app, user.id)).toEqual([]);
});
