import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  isSignedIn,
  logIn,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

const LOGOUT = `mutation ($everywhere: Boolean, $refreshToken: String) {
  logout(everywhere: $everywhere, refreshToken: $refreshToken) { endedSessions }
}`;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function logOut(
  token: string | undefined,
  variables: { everywhere?: boolean | null; refreshToken?: string | null } = {},
): Promise<number> {
  const { data } = await app.gql(LOGOUT, variables, token === undefined ? {} : { token });
  return data.logout.endedSessions;
}

async function withTwoMore(): Promise<{ user: TestUser; others: TestUser[] }> {
  const user = await registerUser(app);
  const others = [];
  for (let i = 0; i < 2; i++) {
    app.clock.advance(1);
    const { tokens } = await logIn(app, { identifier: user.email });
    others.push({ ...user, ...tokens });
  }
  return { user, others };
}

it('ends the session of the access token, and no other', async () => {
  const { user, others } = await withTwoMore();
  expect(await logOut(user.accessToken)).toBe(1);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  for (const other of others) expect(await isSignedIn(app, other.accessToken)).toBe(true);
  expect(await auditTypes(app, user.id)).toContain('LOGGED_OUT');
});

it('ends the session of the refresh token when the access token has expired', async () => {
  const { user, others } = await withTwoMore();
  app.clock.advance(16 * 60);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect(await logOut(user.accessToken, { refreshToken: user.refreshToken })).toBe(1);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  for (const other of others) {
    expect((await refresh(app, other.refreshToken)).__typename).toBe('RefreshSuccess');
  }
});

it('ends the session of the refresh token without any access token', async () => {
  const { user } = await withTwoMore();
  expect(await logOut(undefined, { refreshToken: user.refreshToken })).toBe(1);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
});

it('goes by the access token when both are given', async () => {
  const { user, others } = await withTwoMore();
  expect(await logOut(user.accessToken, { refreshToken: others[0]?.refreshToken ?? '' })).toBe(1);
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect(await isSignedIn(app, others[0]?.accessToken ?? '')).toBe(true);
});

it.each([
  ['the access token', (user: TestUser) => logOut(user.accessToken, { everywhere: true })],
  [
    'the refresh token',
    ({ refreshToken }: TestUser) => logOut(undefined, { everywhere: true, refreshToken }),
  ],
])('ends all sessions of the user everywhere, by %s', async (_by, out) => {
  const { user, others } = await withTwoMore();
  const stranger = await registerUser(app);
  expect(await out(user)).toBe(3);
  for (const { accessToken, refreshToken } of [user, ...others]) {
    expect(await isSignedIn(app, accessToken)).toBe(false);
    expect((await refresh(app, refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  }
  expect(await isSignedIn(app, stranger.accessToken)).toBe(true);
});

it('succeeds for whoever has no session any more, and changes nothing', async () => {
  const { user, others } = await withTwoMore();
  await logOut(user.accessToken);
  for (const refreshToken of [user.refreshToken, '', 'nonsense', '\0', '\uD800', null]) {
    expect(await logOut(undefined, { everywhere: true, refreshToken })).toBe(0);
    expect(await logOut('not.a.token', { everywhere: true, refreshToken })).toBe(0);
    expect(await logOut(user.accessToken, { everywhere: true, refreshToken })).toBe(0);
  }
  expect(await logOut(undefined, { everywhere: null })).toBe(0);
  for (const other of others) expect(await isSignedIn(app, other.accessToken)).toBe(true);
});

it('is not done by a forged refresh token', async () => {
  const user = await registerUser(app);
  const [id, generation] = user.refreshToken.split('.');
  const forged = `${id}.${generation}.${'A'.repeat(43)}`;
  expect(await logOut(undefined, { everywhere: true, refreshToken: forged })).toBe(0);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('counts a session once of many sign-outs at the same moment', async () => {
  const user = await registerUser(app);
  const ended = await Promise.all(Array.from({ length: 8 }, () => logOut(user.accessToken)));
  expect(ended.reduce((sum, count) => sum + count)).toBe(1);
});
