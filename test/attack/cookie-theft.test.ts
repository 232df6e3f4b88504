import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { ConfigError } from '../../src/config-error.ts';
import {
  COMPLETE_LOGIN,
  enrolTotp,
  isSignedIn,
  LOGIN,
  newName,
  nextTotpCode,
  PASSWORD,
  REFRESH,
  registerAdmin,
  registerUser,
  TOKENS,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createBrowser, type SetCookie, type Visit } from './support/browser.ts';

const DAY = 24 * 60 * 60;
const DEVICE_LIFE = 400 * DAY;
/** What browsers are bound to keep of one cookie: name, value and attributes together (RFC 6265, 6.1). */
const COOKIE_BYTES = 4096;

const ME = '{ me { id } }';
const LOGOUT = 'mutation { logout { endedSessions } }';
const UPDATE_PROFILE = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) { __typename ... on UpdateProfileSuccess { user { id } ${TOKENS} } }
}`;

const deployments = [
  {
    what: 'behind HTTPS',
    env: { PUBLIC_URL: 'https://auth.example.com' },
    prefix: '__Host-',
    flags: { path: '/', httponly: true, secure: true, samesite: 'Lax' },
  },
  {
    what: 'behind HTTPS with COOKIE_SAMESITE=strict',
    env: { PUBLIC_URL: 'https://auth.example.com', COOKIE_SAMESITE: 'strict' },
    prefix: '__Host-',
    flags: { path: '/', httponly: true, secure: true, samesite: 'Strict' },
  },
  {
    what: 'behind HTTPS with COOKIE_SAMESITE=none',
    env: { PUBLIC_URL: 'https://auth.example.com', COOKIE_SAMESITE: 'none' },
    prefix: '__Host-',
    flags: { path: '/', httponly: true, secure: true, samesite: 'None' },
  },
  {
    what: 'on http://localhost',
    env: {},
    prefix: '',
    flags: { path: '/', httponly: true, samesite: 'Lax' },
  },
  {
    what: 'on http://localhost with COOKIE_SECURE=on',
    env: { COOKIE_SECURE: 'on' },
    prefix: '__Host-',
    flags: { path: '/', httponly: true, secure: true, samesite: 'Lax' },
  },
] as const;

describe.each(deployments)(
  'stealing tokens from a browser: cookies $what',
  ({ env, prefix, flags }) => {
    let app: TestApp;
    const names = {
      access: `${prefix}latchkey-access`,
      refresh: `${prefix}latchkey-refresh`,
      device: `${prefix}latchkey-device`,
    };
    beforeAll(async () => {
      app = await createTestApp({ env });
    });
    afterAll(() => app.close());

    /** Holds an answer against what every answer with cookies must be. */
    function check(
      { answer, response, setCookies }: Visit,
      field: string,
      expected: { maxAge: string | undefined; device: boolean },
    ): void {
      const kinds = expected.device
        ? [names.access, names.refresh, names.device]
        : [names.access, names.refresh];
      expect(setCookies.map(({ name }) => name)).toEqual(kinds);
      for (const { name, value, attributes, line } of setCookies) {
        const maxAge = name === names.device ? String(DEVICE_LIFE) : expected.maxAge;
        expect(attributes, line).toEqual({
          ...flags,
          ...(maxAge === undefined ? {} : { 'max-age': maxAge }),
        });
        // by cookie alone: what a script cannot read is not given to it beside
        expect(value).not.toBe('');
        expect(JSON.stringify(answer)).not.toContain(value);
      }
      expect(answer.data[field]).toMatchObject({ tokens: null });
      expect(answer.data[field].__typename).toMatch(/Success$/);
      expect(response.headers.get('cache-control')).toBe('no-store');
    }

    const newInput = (more: Record<string, unknown>) => {
      const username = newName();
      return {
        username,
        email: `${username}@example.com`,
        password: PASSWORD,
        cookies: true,
        ...more,
      };
    };

    it.each([
      ['a session cookie', false, undefined],
      ['thirty days', true, String(30 * DAY)],
    ])(
      'are marked at every step, and live for %s when remember is %s',
      async (_life, remember, maxAge) => {
        const browser = createBrowser(app);
        const input = newInput({ remember });
        check(await browser.register(input), 'register', { maxAge, device: true });
        check(
          await browser.send(
            'mutation { refresh { __typename ... on RefreshSuccess { tokens { accessToken } } } }',
          ),
          'refresh',
          {
            maxAge,
            device: false,
          },
        );
        const change = { newPassword: 'five words in a row now', currentPassword: PASSWORD };
        check(await browser.send(UPDATE_PROFILE, { input: change }), 'updateProfile', {
          maxAge,
          device: true,
        });
        const login = {
          identifier: input.email,
          password: change.newPassword,
          cookies: true,
          remember,
        };
        check(await browser.logIn(login), 'login', { maxAge, device: true });

        const { setCookies } = await browser.send(LOGOUT);
        expect(setCookies.map(({ name, value }) => [name, value])).toEqual([
          [names.access, ''],
          [names.refresh, ''],
        ]);
        for (const { attributes } of setCookies)
          expect(attributes).toEqual({ ...flags, 'max-age': '0' });
        // the browser is a known device still, and has nothing else left
        expect([...browser.cookies.keys()]).toEqual([names.device]);
        expect((await browser.send(ME)).answer).toEqual({ data: { me: null } });
      },
    );

    it('come after the second factor, and not before', async () => {
      const user = await registerUser(app);
      const { secret } = await enrolTotp(app, user);
      const browser = createBrowser(app);
      const half = await browser.logIn({
        identifier: user.email,
        password: PASSWORD,
        cookies: true,
        remember: true,
      });
      expect(half.setCookies).toEqual([]);
      const input = {
        challenge: half.answer.data.login.challenge,
        code: nextTotpCode(app, secret),
      };
      const whole = await browser.send(COMPLETE_LOGIN, { input });
      check(whole, 'completeLogin', { maxAge: String(30 * DAY), device: true });
      expect((await browser.send(ME)).answer.data.me).toEqual({ id: user.id });
    });

    it('are not set when nobody asked for them, nor by what failed', async () => {
      const user = await registerUser(app);
      const browser = createBrowser(app);
      for (const input of [
        { identifier: user.email, password: PASSWORD },
        { identifier: user.email, password: PASSWORD, cookies: false },
        { identifier: user.email, password: PASSWORD, cookies: null },
        { identifier: user.email, password: 'wrong words in a row', cookies: true },
      ]) {
        const { setCookies, answer } = await browser.logIn(input);
        expect(setCookies).toEqual([]);
        expect(answer.data.login.tokens === null).toBe(false);
      }
      expect((await browser.send(REFRESH, { refreshToken: 'x' })).setCookies).toEqual([]);
      expect((await browser.send(REFRESH)).setCookies).toEqual([]);
      expect((await browser.send(ME)).setCookies).toEqual([]);
    });

    it('go on by cookie: an expired access cookie is UNAUTHENTICATED, and refresh needs no argument', async () => {
      const browser = createBrowser(app);
      const { answer } = await browser.register(newInput({ remember: true }));
      const { id } = answer.data.register.user;
      expect((await browser.send(ME)).answer).toEqual({ data: { me: { id } } });
      app.clock.advance(15 * 60);
      const expired = (await browser.send(ME)).answer;
      expect(expired.data).toEqual({ me: null });
      expect(expired.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect((await browser.send(REFRESH)).answer.data.refresh.__typename).toBe('RefreshSuccess');
      expect((await browser.send(ME)).answer).toEqual({ data: { me: { id } } });

      // a browser that threw the access cookie away must learn that it can refresh
      browser.cookies.delete(names.access);
      expect((await browser.send(ME)).answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      // and one that has not even the refresh cookie is simply nobody
      browser.cookies.delete(names.refresh);
      expect((await browser.send(ME)).answer).toEqual({ data: { me: null } });
    });

    it('sign out by the refresh cookie when the access cookie has expired', async () => {
      const browser = createBrowser(app);
      await browser.register(newInput({}));
      const refreshToken = browser.cookies.get(names.refresh) ?? '';
      app.clock.advance(16 * 60);
      expect((await browser.send(LOGOUT)).answer.data.logout.endedSessions).toBe(1);
      const { answer } = await createBrowser(app).send(REFRESH, { refreshToken });
      expect(answer.data.refresh.__typename).toBe('InvalidRefreshToken');
    });

    it('are read under their own names only', async () => {
      const browser = createBrowser(app);
      const { answer } = await browser.register(newInput({}));
      const { id } = answer.data.register.user;
      const value = browser.cookies.get(names.access) ?? '';
      const me = async (cookie: string) => {
        const sending = { headers: { cookie, 'x-csrf-protection': '1' } };
        return (await app.gql(ME, {}, sending)).data.me;
      };
      expect(await me(`${names.access}=${value}`)).toEqual({ id });
      expect(await me(`a=b;  ${names.access}=${value}  ;c=d`)).toEqual({ id });
      const unread = [
        // the other deployment's name, which a sub-domain or a plain-HTTP page can plant
        prefix === '' ? '__Host-latchkey-access' : 'latchkey-access',
        '__Secure-latchkey-access',
        '__host-latchkey-access',
        names.access.toUpperCase(),
        `x${names.access}`,
        `${names.access}x`,
        // what some frameworks trim away, and browsers do not take for the prefix
        `\u00a0${names.access}`,
        `${names.access}\u00a0`,
        `\u0085${names.access}`,
        `"${names.access}"`,
        encodeURIComponent(names.access).replace('_', '%5F').replace('-', '%2D'),
        'access',
        'token',
      ];
      for (const name of unread) expect(await me(`${name}=${value}`), name).toBeNull();
      // of two of one name the first counts, which is the one of the longer path
      expect(await me(`${names.access}=x; ${names.access}=${value}`)).toBeNull();
      for (const odd of [`"${value}"`, `${value},x`, `x ${value}`, '%E0', '%', '', `$${value}`]) {
        expect(await me(`${names.access}=${odd}`), odd).toBeNull();
      }
    });
  },
);

describe('stealing tokens from a browser: cookies that do not fit', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({
      env: {
        PUBLIC_URL: 'https://a-rather-long-name-for-an-auth-service.platform.example.com',
        JWT_AUDIENCE: 'https://a-rather-long-name-for-an-api.platform.example.com/graphql',
      },
    });
  });
  afterAll(() => app.close());

  const SET_METADATA = `mutation ($id: ID!, $app: JSON!) {
    updateUser(input: { id: $id, appMetadata: $app }) { __typename }
  }`;

  it.each([
    ['letters', (bytes: number) => 'x'.repeat(bytes)],
    ['characters of three bytes', (bytes: number) => '€'.repeat(Math.floor(bytes / 3))],
    ['characters that JSON escapes', (bytes: number) => '"'.repeat(Math.floor(bytes / 2))],
    ['control characters', (bytes: number) => '\u0001'.repeat(Math.floor(bytes / 6))],
  ])(
    'fit with the longest profile and the most appMetadata there can be, of %s',
    async (_what, text) => {
      const admin = await registerAdmin(app);
      const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}.com`;
      const email = `${newName('a'.repeat(54))}@${domain}`;
      expect(email).toHaveLength(254);
      const browser = createBrowser(app);
      const { answer } = await browser.register({
        email,
        username: newName('n'.repeat(22)),
        displayName: '€'.repeat(100),
        phrase: '€'.repeat(200),
        password: PASSWORD,
        cookies: true,
        remember: true,
      });
      const { id } = answer.data.register.user;
      const around = Buffer.byteLength(JSON.stringify({ k: '' }));
      const appMetadata = { k: text(2000 - around) };
      const size = Buffer.byteLength(JSON.stringify(appMetadata));
      expect(size).toBeGreaterThan(1990);
      const set = await app.gql(
        SET_METADATA,
        { id, app: appMetadata },
        { token: admin.accessToken },
      );
      expect(set.data.updateUser.__typename).toBe('UpdateUserSuccess');
      const tooMuch = { k: text(2000 - around), l: 'x' };
      const refused = await app.gql(
        SET_METADATA,
        { id, app: tooMuch },
        { token: admin.accessToken },
      );
      expect(refused.data.updateUser.__typename).toBe('InvalidInput');

      const { setCookies } = await browser.send(REFRESH);
      const sizes = setCookies.map(({ line }: SetCookie) => Buffer.byteLength(line));
      expect(sizes).toHaveLength(2);
      for (const bytes of sizes) expect(bytes).toBeLessThan(COOKIE_BYTES);
      expect((await browser.send('{ me { id appMetadata } }')).answer.data.me).toEqual({
        id,
        appMetadata,
      });
    },
  );
});

describe('stealing tokens from a browser: which cookies', () => {
  const load = (env: Record<string, string>) =>
    loadConfig({ NODE_ENV: 'test', AUTH_SECRET: 'x'.repeat(40), ...env }).cookies;

  it.each([
    [{}, { secure: false, sameSite: 'lax' }],
    [{ PUBLIC_URL: 'http://localhost:3000' }, { secure: false, sameSite: 'lax' }],
    [{ PUBLIC_URL: 'http://127.0.0.1' }, { secure: false, sameSite: 'lax' }],
    [{ PUBLIC_URL: 'http://[::1]:4000' }, { secure: false, sameSite: 'lax' }],
    [{ COOKIE_SECURE: 'off' }, { secure: false, sameSite: 'lax' }],
    [{ COOKIE_SECURE: 'on' }, { secure: true, sameSite: 'lax' }],
    [
      { COOKIE_SECURE: 'on', COOKIE_SAMESITE: 'none' },
      { secure: true, sameSite: 'none' },
    ],
    [{ COOKIE_SAMESITE: 'strict' }, { secure: false, sameSite: 'strict' }],
    [{ PUBLIC_URL: 'https://auth.example.com' }, { secure: true, sameSite: 'lax' }],
    [{ PUBLIC_URL: 'https://localhost' }, { secure: true, sameSite: 'lax' }],
    [
      { PUBLIC_URL: 'https://auth.example.com', COOKIE_SAMESITE: 'none' },
      { secure: true, sameSite: 'none' },
    ],
  ])('%j is right', (env, cookies) => {
    expect(load(env as Record<string, string>)).toMatchObject(cookies);
  });

  it.each([
    [{ COOKIE_SECURE: 'off', PUBLIC_URL: 'https://auth.example.com' }, 'COOKIE_SECURE'],
    [{ COOKIE_SECURE: 'off', PUBLIC_URL: 'http://auth.example.com' }, 'COOKIE_SECURE'],
    [{ COOKIE_SECURE: 'off', PUBLIC_URL: 'http://localhost.example.com' }, 'COOKIE_SECURE'],
    [{ COOKIE_SECURE: 'off', PUBLIC_URL: 'http://127.0.0.1.example.com' }, 'COOKIE_SECURE'],
    [{ COOKIE_SECURE: 'off', COOKIE_SAMESITE: 'none' }, 'COOKIE_SAMESITE'],
    [{ COOKIE_SAMESITE: 'none' }, 'COOKIE_SAMESITE'],
    [{ COOKIE_SAMESITE: 'none', PUBLIC_URL: 'http://localhost:4000' }, 'COOKIE_SAMESITE'],
    [{ COOKIE_SAMESITE: 'relaxed' }, 'COOKIE_SAMESITE'],
    [{ COOKIE_SAMESITE: 'Lax' }, 'COOKIE_SAMESITE'],
    [{ COOKIE_SECURE: 'true' }, 'COOKIE_SECURE'],
    [{ COOKIE_SECURE: 'maybe' }, 'COOKIE_SECURE'],
  ])('%j is refused at the start, by the name of %s', (env, name) => {
    let problems: readonly string[] = [];
    try {
      load(env as Record<string, string>);
    } catch (error) {
      problems = error instanceof ConfigError ? error.problems : [];
    }
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  });

  it('are not without Secure on plain HTTP that others can listen to', () => {
    const env = { PUBLIC_URL: 'http://192.168.1.5:4000', NODE_ENV: 'development' };
    expect(load(env)).toMatchObject({ secure: true });
  });
});

describe('stealing tokens from a browser: by asking for them', () => {
  it('gives the tokens of a cookie session to nobody in an answer, whoever asks for what', async () => {
    const app = await createTestApp();
    const browser = createBrowser(app);
    const username = newName();
    await browser.register({
      username,
      email: `${username}@example.com`,
      password: PASSWORD,
      cookies: true,
    });
    const stolen = [...browser.cookies.values()];
    const everything = `{ me {
      id email phrase appMetadata dataExport sessions { id ipAddress userAgent }
      auditEvents { edges { node { type ipAddress userAgent } } }
    } }`;
    const texts = [
      JSON.stringify((await browser.send(everything)).answer),
      // asked for by refresh with the token as an argument, as a script that had read it would
      JSON.stringify((await browser.send(REFRESH, { refreshToken: stolen[1] ?? '' })).answer),
      JSON.stringify(
        (
          await browser.send(LOGIN, {
            input: { identifier: username, password: PASSWORD, cookies: true },
          })
        ).answer,
      ),
    ];
    for (const text of texts) {
      expect(text).not.toMatch(/"errors"/);
      for (const token of [...stolen, ...browser.cookies.values()])
        expect(text).not.toContain(token);
      expect(text).not.toMatch(/eyJ[\w-]+\.eyJ/);
    }
    expect(await isSignedIn(app, stolen[0] ?? '')).toBe(true);
    await app.close();
  });
});
