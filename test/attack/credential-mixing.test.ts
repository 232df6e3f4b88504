import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  isSignedIn,
  newName,
  PASSWORD,
  REFRESH,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { type Browser, createBrowser } from './support/browser.ts';
import { changingNothing } from './support/rows.ts';

const ME = '{ me { id } }';

describe('C1: cookies of one user beside the bearer token of another', () => {
  let app: TestApp;
  let bearer: TestUser;
  let browser: Browser;
  let cookieUser: string;
  let both: { authorization: string; cookie: string };

  beforeAll(async () => {
    app = await createTestApp();
    bearer = await registerUser(app);
    browser = createBrowser(app);
    const username = newName();
    const input = { username, email: `${username}@example.com`, password: PASSWORD, cookies: true };
    cookieUser = (await browser.register(input)).answer.data.register.user.id;
    both = {
      authorization: `Bearer ${bearer.accessToken}`,
      cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    };
  });
  afterAll(() => app.close());

  it('are one or the other alone, to begin with', async () => {
    expect((await app.gql(ME, {}, { token: bearer.accessToken })).data.me.id).toBe(bearer.id);
    expect((await browser.send(ME)).answer.data.me.id).toBe(cookieUser);
  });

  it('are left alone: the bearer token decides, and needs no CSRF header', async () => {
    for (const more of [{}, { 'x-csrf-protection': '1' }, { origin: 'https://evil.example' }]) {
      expect((await app.gql(ME, {}, { headers: { ...both, ...more } })).data.me.id).toBe(bearer.id);
    }
  });

  it('do not step in for a bearer token that is no good', async () => {
    for (const authorization of [
      'Bearer x.y.z',
      'Bearer',
      '',
      'Basic eDp4',
      `Bearer ${bearer.refreshToken}`,
    ]) {
      const headers = { ...both, authorization, 'x-csrf-protection': '1' };
      const answer = await app.gql(ME, {}, { headers });
      expect(answer.data.me).toBeNull();
      expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    }
  });

  it('do not refresh: a request with a bearer token has no refresh cookie', async () => {
    await changingNothing(app, async () => {
      const { data } = await app.gql(REFRESH, {}, { headers: both });
      expect(data.refresh.__typename).toBe('InvalidRefreshToken');
    });
  });

  it('come after a refresh token that is an argument', async () => {
    const { answer } = await browser.send(REFRESH, { refreshToken: bearer.refreshToken });
    expect(answer.data.refresh.user.id).toBe(bearer.id);
    // which is of a session without cookies, and so is answered without
    expect(answer.data.refresh.tokens.accessToken).toEqual(expect.any(String));
    const bad = await browser.send(REFRESH, { refreshToken: '' });
    expect(bad.answer.data.refresh.__typename).toBe('InvalidRefreshToken');
  });

  it('are not what signs out: the session of the bearer token ends, that of the cookies goes on', async () => {
    const other = await registerUser(app);
    const headers = { ...both, authorization: `Bearer ${other.accessToken}` };
    const { data } = await app.gql(
      'mutation { logout(everywhere: true) { endedSessions } }',
      {},
      { headers },
    );
    expect(data.logout.endedSessions).toBe(1);
    expect(await isSignedIn(app, other.accessToken)).toBe(false);
    expect(await isSignedIn(app, bearer.accessToken)).toBe(true);
    expect((await browser.send(ME)).answer.data.me.id).toBe(cookieUser);
    // with a bearer token that is no good nobody is signed out, for there is nobody to be seen
    const bad = { ...both, authorization: 'Bearer x.y.z' };
    const nobody = await app.gql('mutation { logout { endedSessions } }', {}, { headers: bad });
    expect(nobody.data.logout.endedSessions).toBe(0);
    expect((await browser.send(ME)).answer.data.me.id).toBe(cookieUser);
  });

  it('do not lend their device to the one who signs in with a bearer token beside', async () => {
    const owner = createBrowser(app);
    const username = newName();
    const email = `${username}@example.com`;
    await owner.register({ username, email, password: PASSWORD, cookies: true });
    const wrong = { identifier: email, password: 'wrong words in a row' };
    for (let n = 0; n < 5; n++) await createBrowser(app).logIn(wrong);
    const right = { identifier: email, password: PASSWORD };
    const stranger = await createBrowser(app).logIn(right);
    expect(stranger.answer.data.login.__typename).toBe('AccountLocked');
    const headers = { authorization: `Bearer ${bearer.accessToken}` };
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const mixed = await owner.send(login, { input: right }, headers);
    expect(mixed.answer.data.login.__typename).toBe('AccountLocked');
    // by its cookie alone the owner's browser is a known device
    expect((await owner.logIn(right)).answer.data.login.__typename).toBe('LoginSuccess');
  });
});
