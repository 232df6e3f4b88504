import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newName, PASSWORD, REFRESH, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createBrowser } from './support/browser.ts';
import { changingNothing } from './support/rows.ts';

const OWN = 'https://auth.example.com';
const LISTED = 'https://app.example.com';
const ENDPOINT = 'http://localhost:4000/graphql';

/** What a forged request would do with a victim's cookies. */
const DEEDS = {
  'signs out': 'mutation { logout(everywhere: true) { endedSessions } }',
  refreshes: 'mutation { refresh { __typename } }',
  'changes the profile':
    'mutation { updateProfile(input: { displayName: "Mallory" }) { __typename } }',
  'deletes the account': `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`,
  reads: '{ me { email } }',
};

describe('cross-site request forgery with the cookies of a victim', () => {
  let app: TestApp;
  let cookie: string;
  let victim: string;

  beforeAll(async () => {
    app = await createTestApp({
      env: { PUBLIC_URL: OWN, CORS_ORIGINS: `${LISTED},https://b.example` },
    });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    const browser = createBrowser(app);
    const username = newName();
    const input = { username, email: `${username}@example.com`, password: PASSWORD, cookies: true };
    const { answer } = await browser.register({ ...input, remember: true });
    victim = answer.data.register.user.id;
    cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  });

  const whoAmI = (headers: Record<string, string>) =>
    app.post({ query: '{ me { id } }' }, { headers: { cookie, ...headers } });

  async function isRejected(headers: Record<string, string>): Promise<void> {
    const response = await whoAmI(headers);
    const answer = await response.json();
    const told = JSON.stringify(headers);
    expect(response.status, told).toBe(403);
    expect(answer.errors?.[0].extensions.code, told).toBe('CSRF_REJECTED');
    expect(answer.data ?? null, told).toBeNull();
    expect(response.headers.getSetCookie()).toEqual([]);
  }

  async function isAccepted(headers: Record<string, string>): Promise<void> {
    const answer = await (await whoAmI(headers)).json();
    expect(answer, JSON.stringify(headers)).toEqual({ data: { me: { id: victim } } });
  }

  it.each(Object.entries(DEEDS))(
    '%s for nobody without the header that a page of another origin cannot send',
    async (_does, query) => {
      await changingNothing(app, async () => {
        for (const headers of [
          {},
          { origin: OWN },
          { origin: 'https://evil.example' },
          { origin: 'https://evil.example', 'x-csrf-protection': '1' },
          { origin: 'null', 'x-csrf-protection': '1' },
          { 'sec-fetch-site': 'same-origin' },
          { referer: `${OWN}/` },
          { 'x-requested-with': 'XMLHttpRequest' },
        ] as Record<string, string>[]) {
          const response = await app.post({ query }, { headers: { cookie, ...headers } });
          expect(response.status).toBe(403);
          expect((await response.json()).errors[0].extensions.code).toBe('CSRF_REJECTED');
        }
      });
      await isAccepted({ 'x-csrf-protection': '1' });
    },
  );

  it('fails with either cookie alone: what refreshes needs the header as what signs in does', async () => {
    const [access = '', refresh = ''] = cookie.split('; ');
    await changingNothing(app, async () => {
      for (const one of [access, refresh]) {
        for (const query of Object.values(DEEDS)) {
          const response = await app.post({ query }, { headers: { cookie: one } });
          expect(response.status, `${one.slice(0, 30)} ${query}`).toBe(403);
        }
      }
    });
  });

  it('is told from a request of our pages by any of the conventional headers', async () => {
    for (const name of [
      'x-csrf-protection',
      'apollo-require-preflight',
      'x-apollo-operation-name',
      'x-graphql-yoga-csrf',
      'graphql-require-preflight',
      'X-CSRF-Protection',
    ]) {
      await isAccepted({ [name]: '1' });
      await isAccepted({ [name]: '1', origin: OWN });
      await isRejected({ [name]: '' });
      await isRejected({ [name]: ' ' });
    }
    for (const name of ['x-csrf-token', 'x-xsrf-token', 'csrf-protection', 'x-csrf-protection-']) {
      await isRejected({ [name]: '1' });
    }
  });

  it('fails from every origin that only looks like one of ours', async () => {
    const own = { 'x-csrf-protection': '1' };
    for (const origin of [OWN, LISTED, 'https://b.example']) await isAccepted({ ...own, origin });
    for (const origin of [
      'null',
      '',
      'https://evil.example',
      'http://auth.example.com',
      'https://auth.example.com:444',
      'https://auth.example.com/',
      'https://auth.example.com.',
      'https://AUTH.example.com',
      'https://evil.auth.example.com',
      'https://auth.example.com.evil.example',
      'https://evilauth.example.com',
      'https://authXexample.com',
      'https://auth.example.com@evil.example',
      'https://auth.example.com, https://evil.example',
      `${OWN} ${LISTED}`,
      `${OWN},https://b.example`,
      'https://example.com',
      '*',
      'file://',
      'chrome-extension://auth.example.com',
      'http://localhost:4000',
    ]) {
      await isRejected({ ...own, origin });
    }
  });

  it('fails where the browser says that the site is another, and leaves the origin out', async () => {
    const own = { 'x-csrf-protection': '1' };
    await isRejected({ ...own, 'sec-fetch-site': 'cross-site' });
    for (const site of ['same-origin', 'none'])
      await isAccepted({ ...own, 'sec-fetch-site': site });
    // a listed origin may be of another site altogether
    await isAccepted({ ...own, 'sec-fetch-site': 'cross-site', origin: LISTED });
  });

  it('fails as a GET: a query needs the header too, and a mutation is no GET', async () => {
    for (const [name, query] of Object.entries(DEEDS)) {
      const url = `${ENDPOINT}?${new URLSearchParams({ query })}`;
      await changingNothing(app, async () => {
        const bare = await app.app.fetch(url, { headers: { cookie } });
        expect([403, 405], name).toContain(bare.status);
        expect(await bare.text()).not.toContain('@example.com');
        const headers = { cookie, 'x-csrf-protection': '1' };
        const read = await app.app.fetch(url, { headers });
        expect(read.status, name).toBe(name === 'reads' ? 200 : 405);
      });
    }
  });

  it.each([
    [
      'a form',
      'application/x-www-form-urlencoded',
      (query: string) => new URLSearchParams({ query }).toString(),
    ],
    [
      'a form that claims to be JSON',
      'application/x-www-form-urlencoded',
      (query: string) => JSON.stringify({ query }),
    ],
    ['a form with a file', 'multipart/form-data; boundary=x', multipart],
    ['plain text', 'text/plain', (query: string) => JSON.stringify({ query })],
    [
      'plain text that is called JSON',
      'text/plain; application/json',
      (query: string) => JSON.stringify({ query }),
    ],
    [
      'plain text beside JSON',
      'text/plain, application/json',
      (query: string) => JSON.stringify({ query }),
    ],
    [
      'JSON beside plain text',
      'application/json, text/plain',
      (query: string) => JSON.stringify({ query }),
    ],
    ['a bare document', 'application/graphql', (query: string) => query],
    [
      'JSON in UTF-7',
      'application/json; charset=utf-7',
      (query: string) => JSON.stringify({ query }),
    ],
    ['JSON of some kind', 'application/vnd.api+json', (query: string) => JSON.stringify({ query })],
    ['JSON by another name', 'text/json', (query: string) => JSON.stringify({ query })],
    ['a beacon', 'application/csp-report', (query: string) => JSON.stringify({ query })],
    ['nothing it says', '', (query: string) => JSON.stringify({ query })],
    ['something unreadable', ';', (query: string) => JSON.stringify({ query })],
  ])('fails as %s, for everyone and with whatever headers', async (_what, type, write) => {
    const bearer = await registerUser(app);
    await changingNothing(app, async () => {
      for (const query of Object.values(DEEDS)) {
        for (const more of [
          { cookie },
          { cookie, 'x-csrf-protection': '1', origin: OWN },
          { authorization: `Bearer ${bearer.accessToken}` },
          {},
        ] as Record<string, string>[]) {
          const response = await send(type, write(query), more);
          expect(response.status, `${query} ${JSON.stringify(more)}`).toBe(415);
          expect(response.headers.get('accept-post')).toBe('application/json');
        }
      }
    });
  });

  /** `fetch` gives a text body a type of its own, so an absent one is sent as bytes. */
  function send(type: string, body: string, headers: Record<string, string>): Promise<Response> {
    return app.app.fetch(ENDPOINT, {
      method: 'POST',
      headers: type === '' ? headers : { ...headers, 'content-type': type },
      body: Buffer.from(body),
    });
  }

  it('as a sign-in to the account of an attacker fails: no simple request signs in', async () => {
    const attacker = await registerUser(app);
    const query = `mutation { login(input: { identifier: "${attacker.email}", password: "${PASSWORD}", cookies: true }) { __typename } }`;
    await changingNothing(app, async () => {
      for (const [type, body] of [
        ['application/x-www-form-urlencoded', new URLSearchParams({ query }).toString()],
        ['text/plain', JSON.stringify({ query })],
        ['multipart/form-data; boundary=x', multipart(query)],
        ['application/graphql', query],
        ['', JSON.stringify({ query })],
      ] as const) {
        const response = await send(type, body, { origin: 'https://evil.example' });
        expect(response.status).toBe(415);
        expect(response.headers.getSetCookie()).toEqual([]);
      }
    });
    // and the request that is not simple is not allowed by the preflight
    const preflight = await app.app.fetch(ENDPOINT, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-csrf-protection',
      },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('needs no such header where no cookie signs in: bearer tokens and devices go their way', async () => {
    const user: TestUser = await registerUser(app);
    const origin = 'https://evil.example';
    const bearer = { authorization: `Bearer ${user.accessToken}`, origin };
    const me = await app.gql('{ me { id } }', {}, { headers: bearer });
    expect(me.data.me).toEqual({ id: user.id });
    const refreshed = await app.gql(REFRESH, { refreshToken: user.refreshToken });
    expect(refreshed.data.refresh.__typename).toBe('RefreshSuccess');
    const device = { cookie: `__Host-latchkey-device=${user.deviceToken}; theme=dark` };
    expect(await app.gql('{ me { id } }', {}, { headers: device })).toEqual({ data: { me: null } });
  });
});

function multipart(query: string): string {
  const operations = JSON.stringify({ query });
  return [
    '--x',
    'content-disposition: form-data; name="operations"',
    '',
    operations,
    '--x',
    'content-disposition: form-data; name="map"',
    '',
    '{}',
    '--x--',
    '',
  ].join('\r\n');
}
