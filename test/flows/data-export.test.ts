import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportUser } from '../../src/cli/export-user.ts';
import { newId } from '../../src/crypto/id.ts';
import { enrolTotp, idBytes, logIn, registerAdmin, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { resetToken, tokenTo } from '../support/mailbox.ts';
import { runCommand } from '../support/terminal.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function exportOf(user: { accessToken: string }) {
  const { data } = await app.gql('{ me { dataExport } }', {}, { token: user.accessToken });
  return data.me.dataExport;
}

it('holds all that is stored about its owner: profile, sessions, what happened', async () => {
  const user = await registerUser(app, { displayName: 'Ada Lovelace', phrase: 'seven seals' });
  await logIn(app, { identifier: user.email, password: 'wrong' }, '192.0.2.8');
  app.clock.advance(1);
  await logIn(app, { identifier: user.email, remember: true }, '192.0.2.9');
  const data = await exportOf(user);
  expect(data).toMatchObject({
    version: expect.any(Number),
    exportedAt: app.clock.now().toISOString(),
    user: {
      id: user.id,
      email: user.email,
      username: user.username,
      displayName: 'Ada Lovelace',
      phrase: 'seven seals',
      role: 'USER',
    },
    sessions: [{ ipAddress: '192.0.2.9', remembered: true }, { ipAddress: '127.0.0.1' }],
  });
  expect(data.emailLinks).toEqual([
    {
      purpose: 'VERIFY_EMAIL',
      email: user.email,
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
      consumedAt: null,
    },
  ]);
  const mails = data.mails.map((mail: { kind: string }) => mail.kind);
  expect(mails.sort()).toEqual(['new-device', 'verify-email']);
  const types = data.auditEvents.map((event: { type: string }) => event.type).sort();
  expect(types).toEqual(['LOGIN_FAILED', 'LOGIN_SUCCEEDED', 'REGISTERED']);
});

it('holds nothing of anybody else, and ended sessions too', async () => {
  const [user, other] = [await registerUser(app), await registerUser(app)];
  const { tokens } = await logIn(app, { identifier: user.email });
  await app.gql('mutation { logout { endedSessions } }', {}, { token: tokens.accessToken });
  const data = await exportOf(user);
  expect(data.sessions).toHaveLength(2);
  expect(data.sessions.filter((session: { endedAt: unknown }) => session.endedAt)).toHaveLength(1);
  const text = JSON.stringify(data);
  for (const foreign of [other.id, other.email, other.username])
    expect(text).not.toContain(foreign);
});

it('holds no secret: no hash, nonce, TOTP secret or token', async () => {
  const user = await registerUser(app);
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const [row] = await runSql<{ password_hash: string; totp_secret: Buffer; nonce: Buffer }>(
    app.databaseUrl,
    'select password_hash, totp_secret, nonce from users join sessions on user_id = users.id where users.id = ?',
    [idBytes(user.id)],
  );
  const links = [await tokenTo(app, user.email, 'verify-email'), await resetToken(app, user.email)];
  const text = JSON.stringify(await exportOf(user));
  const secrets = [
    ...links,
    secret,
    ...recoveryCodes,
    user.accessToken,
    user.refreshToken,
    row?.password_hash,
  ];
  for (const hidden of secrets) expect(text).not.toContain(hidden);
  for (const bytes of [row?.totp_secret, row?.nonce]) {
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      expect(text).not.toContain(bytes?.toString(encoding));
    }
  }
  expect(text).not.toMatch(/argon2|"type":"Buffer"|passwordHash|nonce|tokenHash|envelope/);
});

/** Puts so many events on record, of which somebody is the owner or the actor, one a millisecond. */
async function insertEvents(count: number, column: 'user_id' | 'actor_id', id: string) {
  const now = app.clock.now().getTime() + 1;
  for (let done = 0; done < count; done += 1000) {
    const rows = Array.from({ length: Math.min(1000, count - done) }, (_, i) => {
      const at = new Date(now + done + i);
      return [idBytes(newId(at)), at, idBytes(id)];
    });
    const values = rows.map(() => "(?, 'LOGIN_FAILED', ?, ?, '{}')").join();
    await runSql(
      app.databaseUrl,
      `insert into audit_events (id, type, at, ${column}, detail) values ${values}`,
      rows.flat(),
    );
  }
}

const idsOf = (events: { id: string }[]) => new Set(events.map(({ id }) => id));

it('goes on past the first page of events', async () => {
  const user = await registerUser(app);
  await insertEvents(1100, 'user_id', user.id);
  const { auditEvents, auditEventsTruncated } = await exportOf(user);
  expect(auditEvents).toHaveLength(1101);
  expect(idsOf(auditEvents).size).toBe(1101);
  expect(auditEventsTruncated).toBe(false);
});

it('holds the newest 10,000 events, says that there are more, and the operator’s export has all', async () => {
  const user = await registerUser(app);
  await insertEvents(10_000, 'user_id', user.id);
  await insertEvents(10_001, 'actor_id', user.id);
  const data = await exportOf(user);
  expect(data).toMatchObject({ auditEventsTruncated: true, administrationTruncated: true });
  expect(idsOf(data.auditEvents).size).toBe(10_000);
  expect(idsOf(data.administration).size).toBe(10_000);
  // the oldest
  const types = new Set(data.auditEvents.map(({ type }: { type: string }) => type));
  expect(types).toEqual(new Set(['LOGIN_FAILED']));

  const { output } = await runCommand(exportUser, [user.email], {
    env: { DATABASE_URL: app.databaseUrl },
  });
  const all = JSON.parse(output);
  expect(all).toMatchObject({ auditEventsTruncated: false, administrationTruncated: false });
  expect(idsOf(all.auditEvents).size).toBe(10_001);
  expect(idsOf(all.administration).size).toBe(10_001);
  expect(all.auditEvents.slice(0, 10_000)).toEqual(data.auditEvents);
  expect(all.administration.slice(0, 10_000)).toEqual(data.administration);
});

it("is its owner's only: administrators do not get it", async () => {
  const [admin, user] = [await registerAdmin(app), await registerUser(app)];
  const query = 'query ($id: ID!) { admin { user(id: $id) { email dataExport } } }';
  const foreign = await app.gql(query, { id: user.id }, { token: admin.accessToken });
  expect(foreign).toMatchObject({
    data: { admin: { user: null } },
    errors: [{ path: ['admin', 'user', 'dataExport'], extensions: { code: 'FORBIDDEN' } }],
  });
  const own = await app.gql(query, { id: admin.id }, { token: admin.accessToken });
  expect(own.data.admin.user.dataExport.user.id).toBe(admin.id);
});

it('is made once in a request, whatever it is called there', async () => {
  const { accessToken: token } = await registerUser(app);
  const query = '{ me { one: dataExport ...more } } fragment more on User { other: dataExport }';
  const { errors, data } = await app.gql(query, {}, { token });
  expect(errors).toMatchObject([
    { message: 'Ask for dataExport once in a request.', extensions: { code: 'BAD_USER_INPUT' } },
  ]);
  expect(data).toEqual({ me: null });
});

it('is made five times in a quarter of an hour', async () => {
  const limited = await createTestApp({
    env: { RATE_LIMIT: 'on', ACCESS_TOKEN_TTL: '3600' },
  });
  const { accessToken: token } = await registerUser(limited);
  const ask = () => limited.gql('{ me { dataExport } }', {}, { token });
  for (let i = 0; i < 5; i++) expect((await ask()).errors).toBeUndefined();
  expect((await ask()).errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
  limited.clock.advance(15 * 60);
  expect((await ask()).errors).toBeUndefined();
  await limited.close();
});
