import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  isSignedIn,
  logIn,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { resetPassword, resetToken, tokenTo, verifyEmail } from './support/mailbox.ts';

/** Two instances over one database, neither of which ever hears of the other. */
let here: TestApp;
let there: TestApp;
let admin: TestUser;
beforeAll(async () => {
  here = await createTestApp();
  there = await createTestApp({ databaseUrl: here.databaseUrl, clock: here.clock });
  admin = await registerAdmin(here);
});
afterAll(async () => {
  await there.close();
  await here.close();
});

const act = async (mutation: string, user: { accessToken: string }) => {
  const { data, errors } = await here.gql(
    `mutation { ${mutation} }`,
    {},
    { token: user.accessToken },
  );
  expect(errors).toBeUndefined();
  return data;
};
const update = (user: TestUser, change: string) =>
  act(`updateUser(input: { id: "${user.id}", ${change} }) { __typename }`, admin);

describe('what one instance is told holds at the other with the next request', () => {
  const ENDED: Record<string, (user: TestUser) => Promise<unknown>> = {
    'a sign-out': (user) => act('logout { endedSessions }', user),
    'a session that is revoked': async (user) => {
      const { tokens } = await logIn(here, { identifier: user.email });
      const id = String(decodeJwt(user.accessToken).sid);
      return act(`revokeSession(id: "${id}") { __typename }`, tokens);
    },
    'another password': async (user) => {
      const { tokens } = await logIn(here, { identifier: user.email });
      const input = `{ currentPassword: "${PASSWORD}", newPassword: "another walk along the shore" }`;
      return act(`updateProfile(input: ${input}) { __typename }`, tokens);
    },
    'a reset': async (user) =>
      resetPassword(here, await resetToken(here, user.email), 'another walk along the shore'),
    'a deletion': (user) =>
      act(
        `deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename }`,
        user,
      ),
    'an account that is disabled': (user) => update(user, 'status: DISABLED'),
    'sessions that an administrator ends': (user) =>
      act(`revokeUserSessions(id: "${user.id}") { __typename }`, admin),
    'a refresh token that comes back': async (user) => {
      await refresh(here, user.refreshToken);
      here.clock.advance(31);
      expect((await refresh(here, user.refreshToken)).__typename).toBe('RefreshTokenReused');
    },
  };

  it.each(Object.entries(ENDED))('%s', async (_what, end) => {
    const user = await registerUser(here);
    // what it may remember of the token it remembers
    for (const app of [there, here, there]) {
      expect(await isSignedIn(app, user.accessToken)).toBe(true);
    }
    await end(user);
    expect(await isSignedIn(there, user.accessToken)).toBe(false);
    expect((await refresh(there, user.refreshToken)).__typename).toMatch(/^Invalid|Reused$/);
  });

  it('a role that is taken away', async () => {
    const former = await registerUser(here);
    await setRole(here, former, 'ADMIN');
    const list = () =>
      there.gql(
        '{ admin { users(first: 1) { edges { node { id } } } } }',
        {},
        { token: former.accessToken },
      );
    expect(await list()).toEqual({ data: expect.anything() });
    await update(former, 'role: USER');
    expect((await list()).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it('a lock, and that it is lifted', async () => {
    const user = await registerUser(here);
    for (const app of [here, there, here, there, here]) {
      await logIn(app, { identifier: user.email, password: 'wrong' });
    }
    expect((await logIn(there, { identifier: user.email })).__typename).toBe('AccountLocked');
    await act(`unlockUser(id: "${user.id}") { __typename }`, admin);
    expect((await logIn(there, { identifier: user.email })).__typename).toBe('LoginSuccess');
  });
});

describe('at two instances at the same moment', () => {
  /** What each of twenty tries came to, half of them at either. */
  const race = (attempt: (app: TestApp) => Promise<{ __typename: string }>) =>
    Promise.all(
      Array.from({ length: 20 }, async (_, n) => (await attempt(n % 2 ? there : here)).__typename),
    );
  const wins = (told: string[], name: string) =>
    told.filter((typename) => typename === name).length;

  it('a link is good once', async () => {
    const user = await registerUser(here);
    const link = await tokenTo(here, user.email, 'verify-email');
    const told = await race((app) => verifyEmail(app, link, user.accessToken));
    expect(wins(told, 'VerifyEmailSuccess')).toBe(1);
  });

  it('a TOTP code is good once, and a challenge too', async () => {
    const user = await registerUser(here);
    const { secret } = await enrolTotp(here, user);
    const challenge = async () => (await logIn(here, { identifier: user.email })).challenge;
    const [first, second] = [await challenge(), await challenge()];
    const code = nextTotpCode(here, secret);
    const told = await race((app) => completeLogin(app, app === here ? first : second, code));
    expect(wins(told, 'LoginSuccess')).toBe(1);
  });

  it('a refresh token has one successor', async () => {
    const user = await registerUser(here);
    const successors = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { tokens } = await refresh(n % 2 ? there : here, user.refreshToken);
        return tokens.refreshToken as string;
      }),
    );
    expect(new Set(successors).size).toBe(1);
  });

  it('an address is registered once', async () => {
    const email = 'once@example.com';
    const query = `mutation { register(input: { email: "${email}", password: "${PASSWORD}" }) { __typename } }`;
    const told = await race(async (app) => (await app.gql(query)).data.register);
    expect(wins(told, 'RegisterSuccess')).toBe(1);
    expect(wins(told, 'EmailTaken')).toBe(19);
  });
});

it('what one instance signs the other believes, and publishes', async () => {
  const user = await registerUser(here);
  const jwks = async ({ app }: TestApp) =>
    (await app.fetch('http://localhost:4000/.well-known/jwks.json')).json();
  expect(await jwks(here)).toEqual(await jwks(there));
  expect(await isSignedIn(there, user.accessToken)).toBe(true);
});
