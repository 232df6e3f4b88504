import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  completeLogin,
  enrolTotp,
  idBytes,
  idOf,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  REFRESH,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  changeEmail,
  resetPassword,
  resetToken,
  tokenTo,
  verifyEmail,
} from '../support/mailbox.ts';
import { createBrowser } from './support/browser.ts';

const ATTEMPTS = 20;
const KINDS = [
  'access token',
  'refresh token',
  'login challenge',
  'device token',
  'TOTP code',
  'recovery code',
  'access cookie',
  'refresh cookie',
  'device cookie',
  'reset link',
  'invitation link',
  'verification link',
  'change link',
  'undo link',
  'user id',
  'session id',
  'password',
] as const;
type Kind = (typeof KINDS)[number];

/** A user with one of everything, all of it good and none of it used. */
interface Kit extends Record<Kind, string> {
  user: TestUser;
  newChallenge(): Promise<string>;
}

/** A place that takes a token. @returns whether the token did there what the right one does */
interface Entry {
  takes: readonly Kind[];
  present(token: string, kit: Kit): Promise<boolean>;
}

describe('T1: a token of one kind presented as one of another', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ env: { LOGIN_ATTEMPT_LIMIT: String(ATTEMPTS) } });
  });
  afterAll(() => app.close());

  async function newKit(): Promise<Kit> {
    const user = await registerUser(app);
    const { secret, recoveryCodes } = await enrolTotp(app, user);
    const newChallenge = async () =>
      (await logIn(app, { identifier: user.email })).challenge as string;
    const browser = createBrowser(app);
    const code = recoveryCodes[1] ?? '';
    await browser.logIn({ identifier: user.email, password: PASSWORD, code, cookies: true });
    const [session] = await runSql<{ id: Buffer }>(
      app.databaseUrl,
      'select id from sessions where user_id = ? order by id limit 1',
      [idBytes(user.id)],
    );
    const links = await newLinks(user);
    return {
      user,
      newChallenge,
      ...links,
      'access token': user.accessToken,
      'refresh token': user.refreshToken,
      'login challenge': await newChallenge(),
      'device token': user.deviceToken,
      'TOTP code': nextTotpCode(app, secret),
      'recovery code': recoveryCodes[0] ?? '',
      'access cookie': browser.cookies.get('latchkey-access') ?? '',
      'refresh cookie': browser.cookies.get('latchkey-refresh') ?? '',
      'device cookie': browser.cookies.get('latchkey-device') ?? '',
      'user id': user.id,
      'session id': idOf(session?.id),
      password: PASSWORD,
    };
  }

  /** One link of every kind, each of a user of its own but for the first: one makes another void. */
  async function newLinks(user: TestUser) {
    const [admin, verifying, changing, undoing] = [
      await registerAdmin(app),
      await registerUser(app),
      await registerUser(app),
      await registerUser(app),
    ];
    const email = `${newName()}@example.com`;
    const invite = `mutation { createUser(input: { email: "${email}" }) { __typename } }`;
    await app.gql(invite, {}, { token: admin.accessToken });
    const [changed, undone] = [`${newName()}@example.org`, `${newName()}@example.org`];
    await changeEmail(app, changing, changed);
    await changeEmail(app, undoing, undone);
    await verifyEmail(app, await tokenTo(app, undone, 'confirm-email-change'));
    return {
      'reset link': await resetToken(app, user.email),
      'invitation link': await tokenTo(app, email, 'invitation'),
      'verification link': await tokenTo(app, verifying.email, 'verify-email'),
      'change link': await tokenTo(app, changed, 'confirm-email-change'),
      'undo link': await tokenTo(app, undoing.email, 'email-changed'),
    };
  }

  const cookie = (name: string, value: string) => ({
    headers: { cookie: `latchkey-${name}=${value}`, 'x-csrf-protection': '1' },
  });
  const isMe = async (sending: Parameters<TestApp['gql']>[2], { user }: Kit) =>
    (await app.gql('{ me { id } }', {}, sending)).data.me?.id === user.id;
  const isSuccess = (answer: { __typename: string }) => answer.__typename.endsWith('Success');

  /** Locks the account for everybody but its devices, and knocks as one that shows a token for being a device. */
  async function opensLock(
    { user }: Kit,
    input: Record<string, unknown>,
    sending?: Parameters<TestApp['gql']>[2],
  ): Promise<boolean> {
    const guess = { identifier: user.email, password: 'wrong words in a row' };
    for (let n = 0; n < ATTEMPTS; n++) await logIn(app, guess);
    expect((await logIn(app, { identifier: user.email })).__typename).toBe('AccountLocked');
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const variables = { input: { identifier: user.email, password: PASSWORD, ...input } };
    return (await app.gql(query, variables, sending)).data.login.__typename === 'MfaRequired';
  }

  const ACCESS: readonly Kind[] = ['access token', 'access cookie'];
  const REFRESHING: readonly Kind[] = ['refresh token', 'refresh cookie'];
  const DEVICE: readonly Kind[] = ['device token', 'device cookie'];
  const CHOOSING: readonly Kind[] = ['reset link', 'invitation link'];
  const VERIFYING: readonly Kind[] = ['verification link', 'change link', 'undo link'];
  const CODES: readonly Kind[] = ['TOTP code', 'recovery code'];

  const entries: Record<string, Entry> = {
    'the Authorization header': {
      takes: ACCESS,
      present: (token, kit) => isMe({ token }, kit),
    },
    'the access cookie': {
      takes: ACCESS,
      present: (token, kit) => isMe(cookie('access', token), kit),
    },
    "refresh's argument": {
      takes: REFRESHING,
      present: async (token) =>
        isSuccess((await app.gql(REFRESH, { refreshToken: token })).data.refresh),
    },
    'the refresh cookie': {
      takes: REFRESHING,
      present: async (token) =>
        isSuccess((await app.gql(REFRESH, {}, cookie('refresh', token))).data.refresh),
    },
    "logout's argument": {
      takes: REFRESHING,
      async present(refreshToken) {
        const query = 'mutation ($t: String) { logout(refreshToken: $t) { endedSessions } }';
        return (await app.gql(query, { t: refreshToken })).data.logout.endedSessions > 0;
      },
    },
    "completeLogin's challenge": {
      takes: ['login challenge'],
      async present(token, kit) {
        return isSuccess(await completeLogin(app, token, kit['recovery code']));
      },
    },
    "completeLogin's code": {
      takes: CODES,
      present: async (token, kit) =>
        isSuccess(await completeLogin(app, await kit.newChallenge(), token)),
    },
    "login's code": {
      takes: CODES,
      present: async (code, { user }) =>
        isSuccess(await logIn(app, { identifier: user.email, code })),
    },
    "login's password": {
      takes: ['password'],
      present: async (password, { user }) =>
        (await logIn(app, { identifier: user.email, password })).__typename === 'MfaRequired',
    },
    "disableTotp's code": {
      takes: CODES,
      async present(code, { user }) {
        const { data } = await app.gql(
          `mutation ($input: DisableTotpInput!) { disableTotp(input: $input) { __typename } }`,
          { input: { currentPassword: PASSWORD, code } },
          { token: user.accessToken },
        );
        return isSuccess(data.disableTotp);
      },
    },
    "resetPassword's token": {
      takes: CHOOSING,
      present: async (token) => isSuccess(await resetPassword(app, token, 'five words in a line')),
    },
    "verifyEmail's token": {
      takes: VERIFYING,
      present: async (token) => isSuccess(await verifyEmail(app, token)),
    },
    "login's deviceToken": {
      takes: DEVICE,
      present: (deviceToken, kit) => opensLock(kit, { deviceToken }),
    },
    'the device cookie': {
      takes: DEVICE,
      present: (token, kit) => opensLock(kit, {}, cookie('device', token)),
    },
  };

  it.each(Object.entries(entries))('is refused by %s', async (_name, { takes, present }) => {
    const kit = await newKit();
    for (const kind of KINDS.filter((one) => !takes.includes(one))) {
      expect(kit[kind], kind).not.toBe('');
      expect(await present(kit[kind], kit), kind).toBe(false);
    }
    // and whatever was tried, the right one still is taken: nothing was refused for another reason
    app.clock.advance(16 * 60);
    for (const kind of takes) {
      const fresh = await newKit();
      expect(await present(fresh[kind], fresh), kind).toBe(true);
    }
  });

  it('is taken in no more places than its kind has', () => {
    const places = (kind: Kind) =>
      Object.keys(entries).filter((name) => entries[name]?.takes.includes(kind));
    expect(places('login challenge')).toEqual(["completeLogin's challenge"]);
    for (const kind of CHOOSING) expect(places(kind)).toEqual(["resetPassword's token"]);
    for (const kind of VERIFYING) expect(places(kind)).toEqual(["verifyEmail's token"]);
    expect(places('password')).toEqual(["login's password"]);
    expect(places('user id')).toEqual([]);
    expect(places('session id')).toEqual([]);
    expect(places('access token')).toEqual(['the Authorization header', 'the access cookie']);
    expect(places('access cookie')).toEqual(places('access token'));
  });

  it("is refused where it is the right kind, but somebody else's", async () => {
    const [kit, other] = [await newKit(), await newKit()];
    for (const name of ["completeLogin's code", "login's code", "disableTotp's code"]) {
      for (const kind of CODES) {
        expect(await entries[name]?.present(other[kind], kit), `${name} ${kind}`).toBe(false);
      }
    }
    for (const kind of DEVICE) {
      expect(await entries["login's deviceToken"]?.present(other[kind], kit)).toBe(false);
      app.clock.advance(16 * 60);
    }
    // a challenge of one user is not completed by a code of another, whichever way round
    expect(await completeLogin(app, other['login challenge'], kit['recovery code'])).toMatchObject({
      code: 'INVALID_CHALLENGE',
    });
    const challenge = await other.newChallenge();
    expect(await completeLogin(app, challenge, kit['recovery code'])).toMatchObject({
      code: 'INVALID_CODE',
    });
  });

  it('has nothing to say before the second factor: login sets no cookie and gives no token', async () => {
    const username = newName();
    const user = await registerUser(app, { username, email: `${username}@example.com` });
    await enrolTotp(app, user);
    const browser = createBrowser(app);
    const { answer, setCookies } = await browser.logIn({
      identifier: user.email,
      password: PASSWORD,
      cookies: true,
    });
    expect(answer.data.login.__typename).toBe('MfaRequired');
    expect(Object.keys(answer.data.login).sort()).toEqual([
      '__typename',
      'challenge',
      'expiresAt',
      'methods',
    ]);
    expect(setCookies).toEqual([]);
    expect((await browser.send('{ me { id } }')).answer).toEqual({ data: { me: null } });
  });
});
