import { randomBytes } from 'node:crypto';
import { getTableName, is } from 'drizzle-orm';
import { getTableConfig, MySqlTable } from 'drizzle-orm/mysql-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/crypto/id.ts';
import * as schema from '../../src/db/schema.ts';
import { unlockUser } from '../../src/flows/user-administration.ts';
import { PERSONAL_DATA } from '../../src/records/personal-data.ts';
import {
  enrolTotp,
  idBytes,
  logIn,
  nextTotpCode,
  PASSWORD,
  registerAdmin,
  registerUser,
  storedValues,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { requestReset } from '../support/mailbox.ts';

const tables = Object.values(schema)
  .flatMap((value) => (is(value, MySqlTable) ? [value] : []))
  .map((table) => ({
    name: getTableName(table),
    columns: getTableConfig(table).columns.map((column) => column.name),
  }));

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp({ env: { ACCESS_TOKEN_TTL: '86400' } });
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

/** Somebody who has left something in every table: as much as can be stored of one person. */
async function registerBusyUser(): Promise<TestUser> {
  const user = await registerUser(app, { displayName: 'Ada Lovelace', phrase: 'seven seals' });
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const [code] = recoveryCodes;
  await logIn(app, { identifier: user.email, code, remember: true }, '192.0.2.7');
  await logIn(app, { identifier: user.username, password: 'wrong' });
  await logIn(app, { identifier: user.email, code: '000000' });
  await ask(admin, `mutation { revokeUserSessions(id: "${user.id}") { __typename } }`);
  await ask(
    admin,
    `mutation { updateUser(input: { id: "${user.id}", appMetadata: { plan: "pro" } }) { __typename } }`,
  );
  const again = await logIn(app, {
    identifier: user.email,
    code: nextTotpCode(app, secret),
  });
  const signedIn = { ...user, accessToken: again.tokens.accessToken };
  await ask(signedIn, '{ admin { dashboard { users } } }');
  await logIn(app, { identifier: user.username });
  await store('update users set pending_email = ? where id = ?', [
    `new-${user.email}`,
    idBytes(user.id),
  ]);
  await store(
    "insert into totp_enrolments values (?, 'secret', utc_timestamp(3) + interval 1 day)",
    [idBytes(user.id)],
  );
  const now = app.clock.now();
  await store(
    "insert into email_tokens (token_hash, purpose, user_id, email, created_at, expires_at) values (?, 'VERIFY_EMAIL', ?, ?, ?, ?)",
    [randomBytes(32), idBytes(user.id), user.email, now, now],
  );
  await store(
    "insert into outbox (id, user_id, kind, state, attempts, created_at, due_at) values (?, ?, 'VERIFY_EMAIL', 'PENDING', 0, ?, ?)",
    [idBytes(newId(now)), idBytes(user.id), now, now],
  );
  return signedIn;
}

const ask = (user: { accessToken: string }, query: string) =>
  app.gql(query, {}, { token: user.accessToken });
const store = (sql: string, values: (string | Buffer | Date)[]) =>
  runSql(app.databaseUrl, sql, values);

async function exportOf(user: { accessToken: string }) {
  return (await ask(user, '{ me { dataExport } }')).data.me.dataExport;
}

describe('the export', () => {
  it('knows every table, and no other: a new one has to be exported, or to be told why not', () => {
    expect(Object.keys(PERSONAL_DATA).sort()).toEqual(tables.map(({ name }) => name).sort());
  });

  it('has every column of what it exports, but for those that are left out', async () => {
    const data = await exportOf(await registerBusyUser());
    for (const { name, columns } of tables) {
      const rule = PERSONAL_DATA[name];
      if (rule === undefined || 'notExported' in rule) continue;
      const { exportedAs, leavesOut = [] } = rule;
      const found = Array.isArray(data[exportedAs]) ? data[exportedAs][0] : data[exportedAs];
      expect(found, name).toBeTruthy();
      const expected = columns.filter((column) => !leavesOut.includes(column)).map(camelCase);
      expect(Object.keys(found), name).toEqual(expect.arrayContaining(expected));
      expect(
        leavesOut.filter((column) => !columns.includes(column)),
        name,
      ).toEqual([]);
    }
  });

  const camelCase = (column: string) =>
    column.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());

  it('says what was done by others, and neither who they are nor where they were', async () => {
    const user = await registerBusyUser();
    const data = await exportOf(user);
    const byOthers = data.auditEvents.filter(
      (event: { by: string }) => event.by !== 'OWNER' && event.by !== 'UNKNOWN',
    );
    expect(byOthers.map((event: { type: string }) => event.type).sort()).toEqual([
      'USER_METADATA_CHANGED',
      'USER_SESSIONS_REVOKED',
    ]);
    for (const event of byOthers) {
      expect(event).toMatchObject({ by: 'ADMINISTRATOR', ipAddress: null, userAgent: null });
    }
    expect(JSON.stringify(data)).not.toContain(admin.id);
    const own = await exportOf(admin);
    expect(own.administration.length).toBeGreaterThanOrEqual(2);
    expect(JSON.stringify(own)).not.toContain(user.id);
  });

  it('blames neither the owner nor the operator for what strangers can bring about', async () => {
    const user = await registerUser(app);
    await logIn(app, { identifier: user.email, password: 'wrong' }, '192.0.2.66');
    await requestReset(app, user.email);
    const unlocked = {
      userId: null,
      client: { ipAddress: null, userAgent: null, requestId: null },
    };
    await unlockUser(app.app.deps, unlocked, user.id);
    await expect
      .poll(async () => (await exportOf(user)).auditEvents.map(byOf))
      .toEqual(
        expect.arrayContaining([
          'USER_UNLOCKED by OPERATOR',
          'PASSWORD_RESET_REQUESTED by UNKNOWN',
          'LOGIN_FAILED by UNKNOWN',
          'REGISTERED by OWNER',
        ]),
      );
  });

  const byOf = ({ type, by }: { type: string; by: string }) => `${type} by ${by}`;

  it('says what was counted against them', async () => {
    const user = await registerBusyUser();
    await logIn(app, { identifier: user.username, password: 'wrong' });
    const { email: identifier, deviceToken } = user;
    await logIn(app, { identifier, deviceToken, password: 'wrong' });
    const { failedAttempts } = await exportOf(user);
    expect(failedAttempts).toContainEqual(
      expect.objectContaining({ kind: 'device', identifier: null, failures: 1 }),
    );
    expect(failedAttempts).toContainEqual(
      expect.objectContaining({ kind: 'password', identifier: user.username }),
    );
  });
});

describe('after the deletion of an account', () => {
  const deletions: Record<string, (user: TestUser) => Promise<void>> = {
    'by its owner': async (user) => {
      await store('update users set totp_secret = null where id = ?', [idBytes(user.id)]);
      const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
      expect((await ask(user, query)).data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
    },
    'by an administrator': async (user) => {
      const query = `mutation { deleteUser(id: "${user.id}") { __typename } }`;
      expect((await ask(admin, query)).data.deleteUser.__typename).toBe('DeleteUserSuccess');
    },
  };

  it.each(Object.keys(deletions))(
    '%s no column of any table holds its id, address or names',
    async (how) => {
      const user = await registerBusyUser();
      const traces = [
        idBytes(user.id),
        ...[user.id, user.id.replaceAll('-', ''), user.email, user.username].map((text) =>
          Buffer.from(text),
        ),
      ];
      const placesOf = async () => {
        const values = await storedValues(app);
        return new Set(
          values
            .filter(({ bytes }) => traces.some((trace) => lowerCase(bytes).includes(trace)))
            .map(({ place }) => place),
        );
      };
      const before = [...(await placesOf())].map((place) => place.split('.')[0]);
      for (const { name, columns } of tables) {
        if (columns.includes('user_id')) expect(before).toContain(name);
      }
      const events = await auditCount();
      await deletions[how]?.(user);
      expect(await placesOf()).toEqual(new Set());
      // what happened is still on record, and the deletion with it
      expect(await auditCount()).toBe(events + 1);
    },
  );

  // ids are compared as they are, text without its case
  const lowerCase = (bytes: Buffer) =>
    bytes.length === 16 ? bytes : Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1');

  async function auditCount(): Promise<number> {
    const [row] = await runSql<{ n: number }>(
      app.databaseUrl,
      'select count(*) as n from audit_events',
    );
    return row?.n ?? 0;
  }

  it('a sign-in that fails a moment later does not bring its id back', async () => {
    for (let round = 0; round < 5; round++) {
      const user = await registerUser(app);
      await Promise.all([
        ...Array.from({ length: 4 }, () =>
          logIn(app, { identifier: user.email, password: 'wrong' }),
        ),
        ask(admin, `mutation { deleteUser(id: "${user.id}") { __typename } }`),
      ]);
      const left = await runSql(
        app.databaseUrl,
        'select type from audit_events where user_id = ? or actor_id = ?',
        [idBytes(user.id), idBytes(user.id)],
      );
      expect(left).toEqual([]);
    }
  });
});
