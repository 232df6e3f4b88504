import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  idBytes,
  isSignedIn,
  logIn,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  setRole,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { changingNothing } from './support/rows.ts';

const MOST_SESSIONS = 3;
const DAY = 24 * 60 * 60;

/** A user on a phone, which is about to be signed out, and on a laptop. */
interface Situation {
  user: TestUser;
  phone: { id: string; accessToken: string; refreshToken: string };
  laptop: { accessToken: string; refreshToken: string };
  /** The phone's refresh token before its newest one, still inside the grace window. */
  previous: string;
}

describe('using a session that has ended, on two instances', () => {
  let one: TestApp;
  let other: TestApp;
  let admin: TestUser;

  beforeAll(async () => {
    const env = { MAX_SESSIONS_PER_USER: String(MOST_SESSIONS) };
    one = await createTestApp({ env });
    other = await createTestApp({ env, databaseUrl: one.databaseUrl, clock: one.clock });
    admin = await registerAdmin(one);
  });
  afterAll(async () => {
    await other.close();
    await one.close();
  });

  async function mutate(token: string, field: string, variables: Record<string, unknown> = {}) {
    const types = { id: 'ID!', input: 'DeleteAccountInput!' } as Record<string, string>;
    const declared = Object.keys(variables).map((name) => `$${name}: ${types[name]}`);
    const head = declared.length > 0 ? `(${declared.join(', ')})` : '';
    const answer = await one.gql(`mutation ${head} { done: ${field} }`, variables, { token });
    expect(answer.errors).toBeUndefined();
    return answer.data.done;
  }

  async function updateUser(user: TestUser, changes: string) {
    const field = `updateUser(input: { id: "${user.id}", ${changes} }) { __typename }`;
    expect(await mutate(admin.accessToken, field)).toEqual({ __typename: 'UpdateUserSuccess' });
  }

  async function isRefused(app: TestApp, token: string): Promise<void> {
    const answer = await app.gql('{ me { id } }', {}, { token });
    expect(answer.data.me).toBeNull();
    expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  }

  async function logOutEverywhere(
    app: TestApp,
    { accessToken, refreshToken }: { accessToken: string; refreshToken: string },
  ): Promise<number> {
    const { data } = await app.gql(
      'mutation ($t: String) { logout(everywhere: true, refreshToken: $t) { endedSessions } }',
      { t: refreshToken },
      { token: accessToken },
    );
    return data.logout.endedSessions;
  }

  async function newSituation(): Promise<Situation> {
    const user = await registerUser(one);
    one.clock.advance(1);
    const laptop = (await logIn(one, { identifier: user.email })).tokens;
    const { tokens } = await refresh(one, user.refreshToken);
    const seen = await one.gql(
      '{ me { sessions { id current } } }',
      {},
      { token: tokens.accessToken },
    );
    const [current] = seen.data.me.sessions.filter(
      (session: { current: boolean }) => session.current,
    );
    const situation = {
      user,
      phone: { id: current.id, ...tokens },
      laptop,
      previous: user.refreshToken,
    };
    // both instances have seen every token and remember that its signature is good
    for (const app of [one, other]) {
      for (const { accessToken } of [user, tokens, laptop]) {
        expect(await isSignedIn(app, accessToken)).toBe(true);
      }
    }
    return situation;
  }

  const ways: Record<string, { by: (given: Situation) => Promise<unknown>; laptop: boolean }> = {
    'signing out': {
      by: ({ phone }) => mutate(phone.accessToken, 'logout { endedSessions }'),
      laptop: true,
    },
    'signing out by the refresh token, without an access token': {
      by: ({ phone }) =>
        one.gql('mutation ($t: String) { logout(refreshToken: $t) { endedSessions } }', {
          t: phone.refreshToken,
        }),
      laptop: true,
    },
    'signing out everywhere, from another device': {
      by: ({ laptop }) => mutate(laptop.accessToken, 'logout(everywhere: true) { endedSessions }'),
      laptop: false,
    },
    'revokeSession, from another device': {
      by: ({ laptop, phone }) =>
        mutate(laptop.accessToken, 'revokeSession(id: $id) { __typename }', { id: phone.id }),
      laptop: true,
    },
    'revokeUserSessions, by an administrator': {
      by: ({ user }) =>
        mutate(admin.accessToken, 'revokeUserSessions(id: $id) { __typename }', { id: user.id }),
      laptop: false,
    },
    'disabling the account': {
      by: ({ user }) => updateUser(user, 'status: DISABLED'),
      laptop: false,
    },
    'disabling the account and enabling it again': {
      async by({ user }) {
        await updateUser(user, 'status: DISABLED');
        await updateUser(user, 'status: ACTIVE');
      },
      laptop: false,
    },
    'deleting the account, by an administrator': {
      by: ({ user }) =>
        mutate(admin.accessToken, 'deleteUser(id: $id) { __typename }', { id: user.id }),
      laptop: false,
    },
    'deleting the account, by its owner on another device': {
      by: ({ laptop }) =>
        mutate(laptop.accessToken, 'deleteAccount(input: $input) { __typename }', {
          input: { confirm: true, currentPassword: PASSWORD },
        }),
      laptop: false,
    },
    'deleting the account and registering its address again': {
      async by({ user }) {
        await mutate(admin.accessToken, 'deleteUser(id: $id) { __typename }', { id: user.id });
        await registerUser(one, { email: user.email, username: user.username });
      },
      laptop: false,
    },
    'changing the password, on another device': {
      by: ({ laptop }) =>
        mutate(
          laptop.accessToken,
          `updateProfile(input: { newPassword: "five words in a row now", currentPassword: "${PASSWORD}" }) {
            __typename
          }`,
        ),
      laptop: true,
    },
    'reuse of an old refresh token': {
      async by({ previous }) {
        one.clock.advance(31);
        expect((await refresh(other, previous)).__typename).toBe('RefreshTokenReused');
      },
      laptop: true,
    },
    'more sign-ins than a user may have sessions': {
      async by({ user }) {
        for (let n = 1; n < MOST_SESSIONS; n++) {
          one.clock.advance(1);
          await logIn(one, { identifier: user.email });
        }
      },
      laptop: true,
    },
  };

  it.each(Object.keys(ways))('after %s opens nothing on the very next request', async (name) => {
    const bystander = await registerUser(one);
    const given = await newSituation();
    const way = ways[name];
    await way?.by(given);
    const { user, phone, laptop, previous } = given;

    const dead = way?.laptop ? [user, phone] : [user, phone, laptop];
    const tokens = [...dead.map(({ refreshToken }) => refreshToken), phone.refreshToken, previous];
    await changingNothing(one, async () => {
      for (const app of [one, other]) {
        for (const { accessToken } of dead) await isRefused(app, accessToken);
        for (const token of tokens) {
          expect(await refresh(app, token)).toMatchObject({ __typename: 'InvalidRefreshToken' });
        }
        // and it says nothing any more about who is asking: nobody can be signed out by it
        expect(await logOutEverywhere(app, phone)).toBe(0);
      }
    });
    expect(await isSignedIn(other, laptop.accessToken)).toBe(way?.laptop ?? false);
    expect(await isSignedIn(other, bystander.accessToken)).toBe(true);
    expect(await isSignedIn(other, admin.accessToken)).toBe(true);
  });

  it('after its time is over opens nothing on the very next request', async () => {
    const { user, phone, laptop, previous } = await newSituation();
    one.clock.advance(DAY);
    await changingNothing(one, async () => {
      for (const app of [one, other]) {
        for (const { accessToken } of [user, phone, laptop]) await isRefused(app, accessToken);
        for (const token of [phone.refreshToken, previous, laptop.refreshToken]) {
          expect(await refresh(app, token)).toMatchObject({ __typename: 'InvalidRefreshToken' });
        }
      }
    });
    admin = await registerAdmin(one);
  });

  it('records why each session ended', async () => {
    const rows = await runSql<{ reason: string }>(
      one.databaseUrl,
      'select distinct end_reason as reason from sessions where ended_at is not null',
    );
    expect(rows.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        'LOGOUT',
        'REVOKED',
        'REVOKED_BY_ADMIN',
        'ACCOUNT_DISABLED',
        'PASSWORD_CHANGED',
        'REFRESH_TOKEN_REUSED',
        'SESSION_LIMIT',
      ]),
    );
  });

  it("cannot be brought back by ending somebody else's: ids of others are NOT_FOUND", async () => {
    const [ada, bob] = [await newSituation(), await newSituation()];
    for (const id of [bob.phone.id, bob.phone.id.toUpperCase(), bob.user.id, 'x', '']) {
      const ended = await mutate(ada.laptop.accessToken, 'revokeSession(id: $id) { __typename }', {
        id,
      });
      expect(ended).toEqual({ __typename: 'NotFound' });
    }
    expect(await isSignedIn(other, bob.phone.accessToken)).toBe(true);
  });

  it('R5: a demoted administrator refreshes as a user, and is one from the next request on', async () => {
    const demoted = await registerAdmin(one);
    const asAdmin = (token: string, app = other) =>
      app.gql('{ admin { dashboard { users } } }', {}, { token });
    const promoted = (await refresh(one, demoted.refreshToken)).tokens;
    expect(roleOf(promoted.accessToken)).toBe('ADMIN');
    expect((await asAdmin(promoted.accessToken)).errors).toBeUndefined();

    await updateUser(demoted, 'role: USER');
    for (const app of [one, other]) {
      const refused = await asAdmin(promoted.accessToken, app);
      expect(refused.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
    const { tokens } = await refresh(one, promoted.refreshToken);
    expect(roleOf(tokens.accessToken)).toBe('USER');
    expect((await asAdmin(tokens.accessToken)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    await setRole(one, demoted, 'ADMIN');
    expect((await asAdmin(tokens.accessToken)).errors).toBeUndefined();
  });

  it('cannot sign its user out everywhere after it has expired', async () => {
    const user = await registerUser(one);
    one.clock.advance(2 * DAY);
    const laptop = await logIn(one, { identifier: user.email });
    expect(await logOutEverywhere(one, user)).toBe(0);
    expect(await isSignedIn(one, laptop.tokens.accessToken)).toBe(true);
  });

  it('is not counted among the live ones', async () => {
    const { user, laptop } = await newSituation();
    await mutate(laptop.accessToken, 'logout(everywhere: true) { endedSessions }');
    const [row] = await runSql<{ live: number }>(
      one.databaseUrl,
      'select count(*) as live from sessions where user_id = ? and ended_at is null',
      [idBytes(user.id)],
    );
    expect(row?.live).toBe(0);
    const again = await logIn(one, { identifier: user.email });
    const { data } = await one.gql(
      '{ me { sessions { id } } }',
      {},
      { token: again.tokens.accessToken },
    );
    expect(data.me.sessions).toHaveLength(1);
  });
});

function roleOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()).role;
}
