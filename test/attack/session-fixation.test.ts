import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  COMPLETE_LOGIN,
  enrolTotp,
  isSignedIn,
  newName,
  nextTotpCode,
  PASSWORD,
  REFRESH,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { type Browser, createBrowser } from './support/browser.ts';

const ACCESS = '__Host-latchkey-access';
const REFRESH_COOKIE = '__Host-latchkey-refresh';
const ME = '{ me { id sessions { id current } } }';

describe('S1: fixing a session before its victim signs in', () => {
  let app: TestApp;
  let attacker: Browser;
  let attackersId: string;

  beforeAll(async () => {
    app = await createTestApp({ env: { PUBLIC_URL: 'https://auth.example.com' } });
    attacker = createBrowser(app);
    const username = newName('mallory');
    const input = { username, email: `${username}@example.com`, password: PASSWORD, cookies: true };
    attackersId = (await attacker.register(input)).answer.data.register.user.id;
  });
  afterAll(() => app.close());

  /** A browser into which somebody has put cookies. */
  function planted(cookies: Iterable<readonly [string, string]>): Browser {
    const browser = createBrowser(app);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    return browser;
  }

  const ways: Record<string, (browser: Browser) => Promise<string>> = {
    async 'by registering'(browser) {
      const username = newName();
      const input = {
        username,
        email: `${username}@example.com`,
        password: PASSWORD,
        cookies: true,
      };
      return (await browser.register(input)).answer.data.register.user.id;
    },
    async 'by password'(browser) {
      const user = await registerUser(app);
      const input = { identifier: user.email, password: PASSWORD, cookies: true };
      return (await browser.logIn(input)).answer.data.login.user.id;
    },
    async 'by password and code'(browser) {
      const user = await registerUser(app);
      const { secret } = await enrolTotp(app, user);
      const login = { identifier: user.email, password: PASSWORD, cookies: true };
      const { challenge } = (await browser.logIn(login)).answer.data.login;
      const input = { challenge, code: nextTotpCode(app, secret) };
      return (await browser.send(COMPLETE_LOGIN, { input })).answer.data.completeLogin.user.id;
    },
  };

  it.each(Object.entries(ways))(
    "with the attacker's own cookies gains nothing from a victim who signs in %s",
    async (_way, signIn) => {
      const before = [...attacker.cookies];
      const victim = planted(before);
      const victimsId = await signIn(victim);
      expect(victimsId).not.toBe(attackersId);
      for (const name of [ACCESS, REFRESH_COOKIE]) {
        expect(victim.cookies.get(name)).not.toBe(attacker.cookies.get(name));
      }
      const [now, still] = [await victim.send(ME), await attacker.send(ME)];
      expect(now.answer.data.me.id).toBe(victimsId);
      expect(still.answer.data.me.id).toBe(attackersId);
      // neither of them has become a session of the other
      const ids = ({ data }: typeof now.answer) =>
        data.me.sessions.map((session: { id: string }) => session.id);
      expect(ids(now.answer).filter((id: string) => ids(still.answer).includes(id))).toEqual([]);
      expect((await attacker.send(REFRESH)).answer.data.refresh.user.id).toBe(attackersId);
      expect((await victim.send(REFRESH)).answer.data.refresh.user.id).toBe(victimsId);
    },
  );

  it.each(Object.entries(ways))(
    'with made-up cookies gains nothing from a victim who signs in %s',
    async (_way, signIn) => {
      const madeUp = [
        [ACCESS, 'chosen-by-the-attacker'],
        [
          REFRESH_COOKIE,
          `${randomBytes(16).toString('base64url')}.0.${randomBytes(32).toString('base64url')}`,
        ],
        ['__Host-latchkey-device', 'chosen-by-the-attacker'],
        ['session', 'chosen-by-the-attacker'],
      ] as const;
      const victim = planted(madeUp);
      const id = await signIn(victim);
      expect((await victim.send(ME)).answer.data.me.id).toBe(id);
      const attempt = planted(madeUp);
      const answer = (await attempt.send(ME)).answer;
      expect(answer.data.me).toBeNull();
      expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect((await attempt.send(REFRESH)).answer.data.refresh.__typename).toBe(
        'InvalidRefreshToken',
      );
    },
  );

  it('is impossible because each sign-in has a session, tokens and a device token of its own', async () => {
    const user: TestUser = await registerUser(app);
    const browser = createBrowser(app);
    const seen = new Set<string>([user.accessToken, user.refreshToken, user.deviceToken]);
    const sessions = new Set<string>();
    for (let n = 1; n <= 5; n++) {
      await browser.logIn({ identifier: user.email, password: PASSWORD, cookies: true });
      for (const value of browser.cookies.values()) seen.add(value);
      const { me } = (await browser.send(ME)).answer.data;
      sessions.add(me.sessions.find((session: { current: boolean }) => session.current).id);
      expect(sessions.size).toBe(n);
    }
    // the device is the same one each time, but its token is made anew and so is longer good
    expect(seen.size).toBeGreaterThanOrEqual(3 + 5 + 5);
    expect(await isSignedIn(app, user.accessToken)).toBe(true);
  });

  it('does not work by a challenge: it opens nothing by itself, before its code or after', async () => {
    const user = await registerUser(app);
    const { secret } = await enrolTotp(app, user);
    const victim = createBrowser(app);
    const login = { identifier: user.email, password: PASSWORD, cookies: true };
    const { challenge } = (await victim.logIn(login)).answer.data.login;
    const isNothing = async () => {
      expect(await isSignedIn(app, challenge)).toBe(false);
      const attempt = planted([
        [ACCESS, challenge],
        [REFRESH_COOKIE, challenge],
      ]);
      expect((await attempt.send(ME)).answer.data.me).toBeNull();
      expect((await attempt.send(REFRESH)).answer.data.refresh.__typename).toBe(
        'InvalidRefreshToken',
      );
    };
    await isNothing();
    const input = { challenge, code: nextTotpCode(app, secret) };
    const { answer } = await victim.send(COMPLETE_LOGIN, { input });
    expect(answer.data.completeLogin.__typename).toBe('LoginSuccess');
    await isNothing();
    const again = { challenge, code: nextTotpCode(app, secret) };
    const second = await createBrowser(app).send(COMPLETE_LOGIN, { input: again });
    expect(second.answer.data.completeLogin.__typename).toBe('InvalidChallenge');
  });
});
