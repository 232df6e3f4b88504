import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  FAILURE,
  isSignedIn,
  logIn,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';

const SESSIONS = `{
  me { sessions { id createdAt lastUsedAt expiresAt ipAddress userAgent remembered current } }
}`;
const REVOKE = `mutation ($id: ID!) {
  revokeSession(id: $id) { __typename ... on RevokeSessionSuccess { session } ${FAILURE} }
}`;

interface SessionSeen {
  id: string;
  current: boolean;
  [field: string]: unknown;
}

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function sessionsOf(user: { accessToken: string }): Promise<SessionSeen[]> {
  const { data } = await app.gql(SESSIONS, {}, { token: user.accessToken });
  return data.me.sessions;
}

async function currentOf(user: { accessToken: string }): Promise<string> {
  return (await sessionsOf(user)).find((session) => session.current)?.id ?? '';
}

async function revoke(user: { accessToken: string }, id: unknown) {
  const answer = await app.gql(REVOKE, { id }, { token: user.accessToken });
  return answer.data?.revokeSession ?? answer;
}

async function signInAgain(user: TestUser, input: object = {}, sending: Sending = {}) {
  app.clock.advance(1);
  const { tokens } = await logIn(app, { identifier: user.email, ...input }, sending.from);
  return { ...user, ...tokens };
}

it('lists the live sessions of the user, the newest first, and says which one asks', async () => {
  const user = await registerUser(app);
  const phone = await signInAgain(user, { remember: true }, { from: '2001:db8::7' });
  await registerUser(app);
  const now = app.clock.now();
  const later = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString();
  const sessions = await sessionsOf(user);
  expect(sessions).toMatchObject([
    {
      createdAt: now.toISOString(),
      lastUsedAt: now.toISOString(),
      expiresAt: later(30),
      ipAddress: '2001:db8::7',
      userAgent: null,
      remembered: true,
      current: false,
    },
    { remembered: false, current: true, ipAddress: '127.0.0.1' },
  ]);
  expect((await sessionsOf(phone)).map((session) => session.current)).toEqual([true, false]);
});

it('tells of a session where and when it was last used', async () => {
  const user = await registerUser(app);
  app.clock.advance(60);
  await app.gql(
    'mutation ($t: String) { refresh(input: { refreshToken: $t }) { __typename } }',
    { t: user.refreshToken },
    { from: '192.0.2.99', headers: { 'user-agent': `Browser ${'x'.repeat(400)}` } },
  );
  const [session] = await sessionsOf(user);
  expect(session).toMatchObject({
    lastUsedAt: app.clock.now().toISOString(),
    ipAddress: '192.0.2.99',
    userAgent: `Browser ${'x'.repeat(247)}`,
  });
});

it('ends another session of the user at once', async () => {
  const user = await registerUser(app);
  const phone = await signInAgain(user);
  const id = await currentOf(phone);
  expect(await revoke(user, id)).toEqual({ __typename: 'RevokeSessionSuccess', session: id });
  expect(await isSignedIn(app, phone.accessToken)).toBe(false);
  expect((await refresh(app, phone.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  expect(await sessionsOf(user)).toHaveLength(1);
  expect(await auditTypes(app, user.id)).toContain('SESSION_REVOKED');
});

it('ends the session that asks, too', async () => {
  const user = await registerUser(app);
  expect((await revoke(user, await currentOf(user))).__typename).toBe('RevokeSessionSuccess');
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
});

it("finds somebody else's session as little as one that is not there", async () => {
  const [user, stranger] = [await registerUser(app), await registerUser(app)];
  const theirs = await revoke(user, await currentOf(stranger));
  const none = await revoke(user, '01890000-0000-7000-8000-000000000000');
  expect(theirs).toEqual(none);
  expect(theirs).toMatchObject({ __typename: 'NotFound', code: 'NOT_FOUND' });
  expect(await isSignedIn(app, stranger.accessToken)).toBe(true);
});

it.each([
  '',
  'x',
  '0',
  1,
  '../../etc/passwd',
  "' or 1=1 --",
  '\0',
  '\uD800',
  '01890000-0000-7000-8000-00000000000',
  '01890000-0000-7000-8000-000000000000 ',
  'x'.repeat(50_000),
])('finds nothing under an id that is none (%#)', async (id) => {
  expect(await revoke(await registerUser(app), id)).toMatchObject({ code: 'NOT_FOUND' });
});

it('finds no session that has ended or expired', async () => {
  const user = await registerUser(app);
  const [phone, old] = [await signInAgain(user), await signInAgain(user)];
  const [ended, expired] = [await currentOf(phone), await currentOf(old)];
  await revoke(user, ended);
  expect((await revoke(user, ended)).code).toBe('NOT_FOUND');
  app.clock.advance(86_400);
  const today = await signInAgain(user);
  expect((await revoke(today, expired)).code).toBe('NOT_FOUND');
  expect(await sessionsOf(today)).toHaveLength(1);
});
