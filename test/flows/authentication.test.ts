import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  idBytes,
  idOf,
  isSignedIn,
  logIn,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const act = async (user: { accessToken: string }, mutation: string) => {
  const { data, errors } = await app.gql(
    `mutation { done: ${mutation} { __typename } }`,
    {},
    {
      token: user.accessToken,
    },
  );
  expect(errors).toBeUndefined();
  expect(data.done.__typename).toMatch(/Success$/);
};

const sessionOf = ({ refreshToken }: TestUser) =>
  idOf(Buffer.from(refreshToken.split('.')[0] ?? '', 'base64url'));

/** What ends a session: the user's own, and the one of the same user on another device. */
const ENDINGS: Record<string, (user: TestUser, elsewhere: TestUser) => Promise<unknown>> = {
  'signing out': (user) => act(user, 'logout'),
  'signing out everywhere from elsewhere': (_user, elsewhere) =>
    act(elsewhere, 'logout(everywhere: true)'),
  'revoking it from elsewhere': (user, elsewhere) =>
    act(elsewhere, `revokeSession(id: "${sessionOf(user)}")`),
  'changing the password elsewhere': (_user, elsewhere) =>
    act(
      elsewhere,
      `updateProfile(input: { currentPassword: "${PASSWORD}", newPassword: "other words in a row" })`,
    ),
  'an administrator disabling the user': (user) =>
    act(admin, `updateUser(input: { id: "${user.id}", status: DISABLED })`),
  'an administrator ending all sessions': (user) =>
    act(admin, `revokeUserSessions(id: "${user.id}")`),
  'an administrator deleting the user': (user) => act(admin, `deleteUser(id: "${user.id}")`),
  'deleting the account': (_user, elsewhere) =>
    act(elsewhere, `deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" })`),
  'reusing a refresh token': async (user) => {
    await refresh(app, user.refreshToken);
    app.clock.advance(31);
    expect((await refresh(app, user.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
  },
  'time going by': async () => app.clock.advance(86_400),
  'an operator who deletes the row': (user) =>
    runSql(app.databaseUrl, 'delete from sessions where user_id = ?', [idBytes(user.id)]),
};

it.each(Object.entries(ENDINGS))(
  'refuses both tokens of a session from the next request on, after %s',
  async (_what, end) => {
    admin = await registerAdmin(app);
    const user = await registerUser(app);
    const { tokens } = await logIn(app, { identifier: user.email });
    // verified once, so that whatever is remembered of it must not help
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
    await end(user, { ...user, ...tokens });
    const answer = await app.gql('{ me { id } }', {}, { token: user.accessToken });
    expect(answer).toMatchObject({
      data: { me: null },
      errors: [{ path: ['me'], extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  },
);

it('goes on for a session that nothing of this happened to', async () => {
  const user = await registerUser(app);
  await registerUser(app);
  app.clock.advance(60);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('tells users apart who ask at the same moment, and those whose session has ended', async () => {
  const users = await Promise.all(Array.from({ length: 41 }, () => registerUser(app)));
  const ended = users.filter((_, index) => index % 3 === 0);
  await Promise.all(ended.map((user) => act(user, 'logout')));
  const asking = [...users, ...users.toReversed()];
  const answers = await Promise.all(
    asking.map(({ accessToken }) =>
      app.gql('{ me { id email username } }', {}, { token: accessToken }),
    ),
  );
  for (const [index, user] of asking.entries()) {
    const { id, email, username } = user;
    const me = ended.includes(user) ? null : { id, email, username };
    expect(answers[index]?.data).toEqual({ me });
  }
});

it('answers null without credentials, and says so when they are no good', async () => {
  expect(await app.gql('{ me { id } }')).toEqual({ data: { me: null } });
  const { accessToken } = await registerUser(app);
  const [header, payload, signature] = accessToken.split('.');
  const forged = Buffer.from(JSON.stringify({ sub: 'x' })).toString('base64url');
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  const bad = [
    'Bearer',
    'Bearer ',
    'Bearer a.b.c',
    'Bearer %E0%80',
    `Basic ${Buffer.from('ada:pw').toString('base64')}`,
    accessToken,
    `Bearer ${header}.${payload}.`,
    `Bearer ${header}.${payload}`,
    `Bearer ${header}.${forged}.${signature}`,
    `Bearer ${none}.${payload}.`,
    `Bearer ${none}.${payload}.${signature}`,
    `Bearer ${header}.${payload}.${signature}=`,
    `Bearer ${accessToken} ${accessToken}`,
    `Bearer ${'x'.repeat(15_000)}`,
  ];
  for (const authorization of bad) {
    const answer = await app.gql('{ me { id } }', {}, { headers: { authorization } });
    expect(answer, authorization.slice(0, 60)).toMatchObject({
      data: { me: null },
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  }
  const good = await app.gql(
    '{ me { id } }',
    {},
    { headers: { authorization: `bearer  ${accessToken}` } },
  );
  expect(good.errors).toBeUndefined();
});

it('takes no other token for an access token', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  const { challenge } = await logIn(app, { identifier: user.email });
  for (const token of [user.refreshToken, user.deviceToken, challenge, secret, user.id]) {
    expect(await isSignedIn(app, token)).toBe(false);
    expect((await refresh(app, token)).code === 'INVALID_REFRESH_TOKEN').toBe(
      token !== user.refreshToken,
    );
  }
  expect((await refresh(app, user.accessToken)).code).toBe('INVALID_REFRESH_TOKEN');
  expect((await completeLogin(app, user.accessToken, nextTotpCode(app, secret))).code).toBe(
    'INVALID_CHALLENGE',
  );
});

it('takes no token of another issuer or for another audience', async () => {
  const user = await registerUser(app);
  for (const env of [{ JWT_ISSUER: 'https://other.example.com' }, { JWT_AUDIENCE: 'other' }]) {
    const other = await createTestApp({ databaseUrl: app.databaseUrl, clock: app.clock, env });
    try {
      expect(await isSignedIn(other, user.accessToken)).toBe(false);
      const { tokens } = await logIn(other, { identifier: user.email });
      expect(await isSignedIn(other, tokens.accessToken)).toBe(true);
      expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
    } finally {
      await other.close();
    }
  }
});

it('sees a new role, name and status at the next request', async () => {
  const user = await registerUser(app);
  const ask = async () => {
    const { data, errors } = await app.gql(
      '{ me { role displayName } admin { dashboard { users } } }',
      {},
      { token: user.accessToken },
    );
    return [data?.me.role, data?.me.displayName, errors?.[0]?.extensions.code];
  };
  expect(await ask()).toEqual(['USER', null, 'FORBIDDEN']);
  await runSql(
    app.databaseUrl,
    "update users set role = 'ADMIN', display_name = 'Ada' where id = ?",
    [idBytes(user.id)],
  );
  expect(await ask()).toEqual(['ADMIN', 'Ada', undefined]);
});
