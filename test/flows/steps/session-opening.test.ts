import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/crypto/id.ts';
import { insertSession } from '../../../src/records/session.ts';
import { idBytes, isSignedIn, logIn, refresh, registerUser } from '../../support/account.ts';
import { createTestApp, type TestApp } from '../../support/app.ts';
import { runSql } from '../../support/database.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({
    env: { MAX_SESSIONS_PER_USER: '3', SESSION_MAX_AGE: String(40 * DAY) },
  });
});
afterAll(() => app.close());

const secondsUntil = (instant: string) => (Date.parse(instant) - app.clock.now().getTime()) / 1000;

function claimsOf(accessToken: string) {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
}

it('signs an access token that says who, in which session, for whom and until when', async () => {
  const user = await registerUser(app);
  const [header = ''] = user.accessToken.split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
    alg: 'EdDSA',
    typ: 'at+jwt',
    kid: expect.any(String),
  });
  const { data } = await app.gql('{ me { sessions { id } } }', {}, { token: user.accessToken });
  const issuedAt = Math.floor(app.clock.now().getTime() / 1000);
  expect(claimsOf(user.accessToken)).toEqual({
    iss: 'http://localhost:4000',
    aud: 'latchkey',
    sub: user.id,
    sid: data.me.sessions[0].id,
    role: 'USER',
    amr: ['pwd'],
    auth_time: issuedAt,
    iat: issuedAt,
    exp: issuedAt + 900,
    jti: expect.any(String),
    app: {},
  });
});

it('gives no access token beyond its time', async () => {
  const user = await registerUser(app);
  app.clock.advance(899);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
  app.clock.advance(2);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
});

it('ends the oldest sessions beyond the number that a user may have', async () => {
  const user = await registerUser(app);
  const opened = [user.accessToken];
  for (let i = 0; i < 4; i++) {
    app.clock.advance(1);
    opened.push((await logIn(app, { identifier: user.email })).tokens.accessToken);
  }
  const live = await Promise.all(opened.map((token) => isSignedIn(app, token)));
  expect(live).toEqual([false, false, true, true, true]);
  const reasons = await runSql<{ end_reason: string }>(
    app.databaseUrl,
    'select end_reason from sessions where user_id = ? order by created_at',
    [idBytes(user.id)],
  );
  expect(reasons.map((row) => row.end_reason)).toEqual([
    'SESSION_LIMIT',
    'SESSION_LIMIT',
    null,
    null,
    null,
  ]);
});

it('keeps to that number when many sign in at the same moment', async () => {
  const user = await registerUser(app);
  await Promise.all(Array.from({ length: 12 }, () => logIn(app, { identifier: user.email })));
  const live = await runSql(
    app.databaseUrl,
    'select id from sessions where user_id = ? and ended_at is null',
    [idBytes(user.id)],
  );
  expect(live).toHaveLength(3);
});

it('forgets what has been over for the longest beyond the newest thousand, and nothing that lives', async () => {
  const user = await registerUser(app);
  const { db } = app.app.deps;
  const start = app.clock.now().getTime() - 20 * DAY * 1000;
  const client = { ipAddress: null, userAgent: null, requestId: null };
  for (let i = 0; i < 1100; i++) {
    const now = new Date(start + i * 1000);
    const given = { userId: user.id, nonce: randomBytes(16), remembered: false, cookies: false };
    const times = { now, expiresAt: app.clock.now(), absoluteExpiresAt: app.clock.now() };
    await insertSession(db, { id: newId(now), amr: ['pwd'], client, ...given, ...times });
  }
  // some were ended, and some ran out
  await runSql(
    app.databaseUrl,
    'update sessions set ended_at = created_at where user_id = ? and second(created_at) < 50 and expires_at <= ?',
    [idBytes(user.id), app.clock.now()],
  );
  for (let i = 0; i < 4; i++) await logIn(app, { identifier: user.email });
  const kept = await runSql<{ created_at: Date; live: number }>(
    app.databaseUrl,
    'select created_at, ended_at is null and expires_at > ? as live from sessions where user_id = ? order by created_at',
    [app.clock.now(), idBytes(user.id)],
  );
  expect(kept.length).toBeLessThanOrEqual(1004);
  expect(kept.length).toBeGreaterThan(900);
  expect(kept.filter(({ live }) => live)).toHaveLength(3);
});

it('lives a day from its last refresh, and no longer', async () => {
  const user = await registerUser(app);
  app.clock.advance(23 * HOUR);
  const { tokens } = await refresh(app, user.refreshToken);
  expect(secondsUntil(tokens.refreshExpiresAt)).toBe(DAY);
  app.clock.advance(23 * HOUR);
  const again = await refresh(app, tokens.refreshToken);
  expect(again.__typename).toBe('RefreshSuccess');
  app.clock.advance(DAY);
  expect((await refresh(app, again.tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
});

it('lives thirty days when it is remembered, but never beyond its greatest age', async () => {
  const user = await registerUser(app, { remember: true });
  app.clock.advance(29 * DAY);
  const { tokens } = await refresh(app, user.refreshToken);
  expect(secondsUntil(tokens.refreshExpiresAt)).toBe(11 * DAY);
  app.clock.advance(10 * DAY);
  const last = await refresh(app, tokens.refreshToken);
  expect(secondsUntil(last.tokens.refreshExpiresAt)).toBe(DAY);
  app.clock.advance(DAY - 1);
  expect(await isSignedIn(app, last.tokens.accessToken)).toBe(false);
  const beforeTheEnd = await refresh(app, last.tokens.refreshToken);
  expect(beforeTheEnd.__typename).toBe('RefreshSuccess');
  app.clock.advance(1);
  expect(await isSignedIn(app, beforeTheEnd.tokens.accessToken)).toBe(false);
  expect((await refresh(app, beforeTheEnd.tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
});

it('makes refresh tokens that cannot be made with what the database holds', async () => {
  const user = await registerUser(app);
  const [id = ''] = user.refreshToken.split('.');
  const [row] = await runSql<{ nonce: Buffer }>(
    app.databaseUrl,
    'select nonce from sessions where user_id = ?',
    [idBytes(user.id)],
  );
  const guess = createHmac('sha256', row?.nonce ?? '')
    .update(id)
    .update('0')
    .digest('base64url');
  expect((await refresh(app, `${id}.0.${guess}`)).code).toBe('INVALID_REFRESH_TOKEN');
  expect((await refresh(app, `${id}.1.${user.refreshToken.split('.')[2]}`)).code).toBe(
    'INVALID_REFRESH_TOKEN',
  );
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});
