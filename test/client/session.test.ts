import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  LoginDocument,
  LogoutDocument,
  MeDocument,
  MySessionsDocument,
  RegisterDocument,
  UpdateProfileDocument,
} from '../../packages/client/src/generated/documents.ts';
import {
  createLatchkey,
  type Latchkey,
  LatchkeyError,
  type LatchkeyOptions,
  memoryStorage,
  request,
  type SessionEvent,
} from '../../packages/client/src/index.ts';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createWire, refusal, type Wire } from './support/wire.ts';

const URL = 'http://localhost:4000/graphql';
const ACCESS_SECONDS = 900;

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Client {
  latchkey: Latchkey;
  wire: Wire;
  events: SessionEvent[];
  me(): Promise<string | null>;
}

function createClient(options: Partial<LatchkeyOptions> = {}, wire = createWire(app)): Client {
  const latchkey = createLatchkey({ url: URL, fetch: wire.fetch, ...options });
  const events: SessionEvent[] = [];
  latchkey.subscribe((event) => events.push(event));
  const me = async () => {
    const data = await request(latchkey, MeDocument);
    return data.me?.username ?? null;
  };
  return { latchkey, wire, events, me };
}

/** A client whose person has just signed in. */
async function signedIn(options: Partial<LatchkeyOptions> = {}, wire = createWire(app)) {
  const client = createClient(options, wire);
  const user = await registerUser(app);
  const input = { identifier: user.username, password: PASSWORD };
  await request(client.latchkey, LoginDocument, { input });
  client.events.length = 0;
  wire.sent.length = 0;
  return { ...client, user };
}

const twenty = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, work));

describe('twenty operations at once', () => {
  it('with a token that the service no longer takes make one refresh and twenty answers', async () => {
    const { me, wire, user, events } = await signedIn();
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(wire.count('Me')).toBe(40);
    expect(events).toEqual([]);
  });

  it('with a token that is known to have expired make one refresh, and are sent once', async () => {
    let ahead = 0;
    const { me, wire, user } = await signedIn({ now: () => Date.now() + ahead });
    app.clock.advance(ACCESS_SECONDS + 1);
    ahead = ACCESS_SECONDS * 1000;
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(wire.count('Me')).toBe(20);
  });

  it('with a session that has ended make one refresh and one sign-out', async () => {
    const { me, wire, latchkey, events, user } = await signedIn();
    await app.gql(
      'mutation { logout(everywhere: true) { endedSessions } }',
      {},
      { token: user.accessToken },
    );
    const failures = await twenty(() => me().catch((error) => error));
    expect(failures.map(({ code }) => code)).toEqual(Array(20).fill('UNAUTHENTICATED'));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(events).toEqual([{ type: 'signed-out', reason: 'ended' }]);
    expect(latchkey.getState()).toBe('signed-out');
    expect(await me()).toBeNull();
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });
});

describe('an operation', () => {
  it('is sent twice at the most', async () => {
    const { me, wire } = await signedIn();
    wire.replace('Me', () => refusal('UNAUTHENTICATED', 0));
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wire.count('Me')).toBe(2);
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });

  it.each(['RATE_LIMITED', 'OVERLOADED'])(
    'that was %s is not sent again, and says how long to wait',
    async (code) => {
      const { me, wire } = await signedIn();
      wire.replace('Me', () => refusal(code, 7));
      await expect(me()).rejects.toMatchObject({ code, retryAfter: 7 });
      expect(wire.count('Me')).toBe(1);
    },
  );

  it('is not repeated in the name of somebody who signed in meanwhile', async () => {
    const { me, wire, latchkey } = await signedIn();
    const other = await registerUser(app);
    wire.replace('Me', async () => {
      await latchkey.signIn(other);
      return refusal('UNAUTHENTICATED', 0);
    });
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(wire.count('Me')).toBe(1);
    wire.restore('Me');
    expect(await me()).toBe(other.username);
  });

  it('of a client that never signed in carries nothing, and refreshes nothing', async () => {
    const { me, wire, latchkey } = createClient();
    expect(await me()).toBeNull();
    await expect(request(latchkey, '{ admin { dashboard { users } } }')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(wire.sent.map(({ headers }) => headers.get('authorization'))).toEqual([null, null]);
  });
});

describe('a refresh', () => {
  it('that gets no answer signs nobody out, and is tried again with the next operation', async () => {
    const { me, wire, events, user } = await signedIn();
    app.clock.advance(ACCESS_SECONDS + 1);
    wire.replace('LatchkeyRefresh', () => Promise.reject(new TypeError('fetch failed')));
    await expect(me()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    wire.replace('LatchkeyRefresh', () => new Response('<h1>Bad Gateway</h1>', { status: 502 }));
    await expect(me()).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    expect(events).toEqual([]);
    wire.restore('LatchkeyRefresh');
    expect(await me()).toBe(user.username);
  });

  it('that hangs is given up', async () => {
    const wire = createWire(app);
    const fetch: typeof wire.fetch = async (url, init) => {
      const isRefresh = String(init?.body).includes('LatchkeyRefresh');
      if (!isRefresh) return wire.fetch(url, init);
      return new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    };
    const { me, latchkey } = await signedIn({ fetch, timeoutMs: 50 }, wire);
    app.clock.advance(ACCESS_SECONDS + 1);
    await expect(me()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-in');
  });

  it('that was refused for a time is not asked again before', async () => {
    let ahead = 0;
    const { me, wire, events, user } = await signedIn({ now: () => Date.now() + ahead });
    app.clock.advance(ACCESS_SECONDS + 1);
    wire.replace('LatchkeyRefresh', () => refusal('RATE_LIMITED', 30));
    await expect(me()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 30 });
    wire.restore('LatchkeyRefresh');
    await expect(me()).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 30 });
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(events).toEqual([]);
    ahead = 31_000;
    expect(await me()).toBe(user.username);
  });

  it('does not bring back a session that was signed out while it was under way', async () => {
    const storage = memoryStorage();
    const { me, wire, latchkey } = await signedIn({ storage });
    app.clock.advance(ACCESS_SECONDS + 1);
    let resolve = (_: Response) => {};
    const late = new Promise<Response>((settle) => {
      resolve = settle;
    });
    wire.replace('LatchkeyRefresh', () => late);
    const asked = me().catch((error) => error);
    await vi.waitFor(() => expect(wire.count('LatchkeyRefresh')).toBe(1));
    await latchkey.signOut();
    resolve(
      Response.json({
        data: {
          refresh: {
            __typename: 'RefreshSuccess',
            tokens: { accessToken: 'a', refreshToken: 'r' },
          },
        },
      }),
    );
    expect((await asked).code).toBe('UNAUTHENTICATED');
    expect(await storage.getItem('latchkey')).toBeNull();
  });
});

describe('a clock', () => {
  it('that is hours wrong makes no difference', async () => {
    for (const hours of [-9, 9]) {
      const { me, wire, user } = await signedIn({ now: () => Date.now() + hours * 3_600_000 });
      expect(await me()).toBe(user.username);
      expect(wire.count('LatchkeyRefresh')).toBe(0);
    }
  });
});

describe('a sign-in', () => {
  it('is noticed in the answer, and told once', async () => {
    const { latchkey, events, me } = createClient();
    const input = { email: `${newName()}@example.com`, username: newName(), password: PASSWORD };
    await request(latchkey, RegisterDocument, { input });
    expect(latchkey.getState()).toBe('signed-in');
    expect(await me()).toBe(input.username);
    expect(events.map(({ type }) => type)).toEqual(['known', 'signed-in']);
  });

  it('gets the device token of the one before, also after a sign-out', async () => {
    const { latchkey, wire, user } = await signedIn();
    await latchkey.signOut();
    const input = { identifier: user.username, password: PASSWORD };
    await request(latchkey, LoginDocument, { input });
    const sent = wire.sent.at(-1);
    expect(sent?.variables.input).toMatchObject({ deviceToken: expect.any(String) });
    expect(sent?.headers.get('authorization')).toBeNull();
    // a failure elsewhere locks others out, and not this device
    for (const _ of Array(6))
      await app.gql('mutation ($i: LoginInput!) { login(input: $i) { __typename } }', {
        i: { ...input, password: 'wrong wrong' },
      });
    const { login } = await request(latchkey, LoginDocument, { input });
    expect(login.__typename).toBe('LoginSuccess');
  });

  it('outlives the page where the storage does, and the person is told apart', async () => {
    const storage = memoryStorage();
    const { user, wire } = await signedIn({ storage });
    const next = createClient({ storage }, wire);
    expect(await next.me()).toBe(user.username);
    expect(next.events).toEqual([{ type: 'known' }]);
    expect(next.latchkey.getState()).toBe('signed-in');
    await next.latchkey.signIn(await registerUser(app));
    expect(next.events.at(-1)).toEqual({ type: 'signed-in' });
  });

  it('with a storage that answers later, as on phones, is the same', async () => {
    const values = memoryStorage();
    const storage = {
      getItem: async (key: string) => values.getItem(key),
      setItem: async (key: string, value: string) => void values.setItem(key, value),
      removeItem: async (key: string) => void values.removeItem(key),
    };
    const { me, user, wire } = await signedIn({ storage });
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });
});

describe('a new password', () => {
  it('brings new tokens, and nobody is signed out here', async () => {
    const { latchkey, me, user, events } = await signedIn();
    const input = { currentPassword: PASSWORD, newPassword: 'another four words here' };
    await request(latchkey, UpdateProfileDocument, { input });
    app.clock.advance(ACCESS_SECONDS + 40);
    expect(await me()).toBe(user.username);
    expect(events).toEqual([]);
  });
});

describe('a sign-out', () => {
  it('ends the session at the service, also when the access token has expired', async () => {
    const { latchkey, user, events } = await signedIn();
    const sessions = async () =>
      (await app.gql('{ me { sessions { id } } }', {}, { token: user.accessToken })).data.me
        .sessions.length;
    expect(await sessions()).toBe(2);
    await latchkey.signOut();
    expect(await sessions()).toBe(1);
    expect(events).toEqual([{ type: 'signed-out', reason: 'asked' }]);
    expect(await latchkey.accessToken()).toBeNull();
  });

  it('everywhere ends them all', async () => {
    const { latchkey, user } = await signedIn();
    await latchkey.signOut({ everywhere: true });
    expect((await app.gql('{ me { id } }', {}, { token: user.accessToken })).data.me).toBeNull();
  });

  it('by the mutation of the schema is noticed, and ends the session with an expired token too', async () => {
    const { latchkey, user, events } = await signedIn();
    app.clock.advance(ACCESS_SECONDS + 1);
    await request(latchkey, LogoutDocument);
    expect(events).toEqual([{ type: 'signed-out', reason: 'asked' }]);
    const { data } = await app.gql(
      'mutation ($refreshToken: String) { refresh(input: { refreshToken: $refreshToken }) { ... on RefreshSuccess { user { sessions { id } } } } }',
      { refreshToken: user.refreshToken },
    );
    expect(data.refresh.user.sessions).toHaveLength(1);
  });

  it('without a network forgets the tokens, and says that the session may live', async () => {
    const { latchkey, wire } = await signedIn();
    wire.replace('LatchkeyLogout', () => Promise.reject(new TypeError('fetch failed')));
    await expect(latchkey.signOut()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-out');
  });
});

describe('accessToken()', () => {
  it('is for other APIs, and fresh', async () => {
    let ahead = 0;
    const { latchkey } = await signedIn({ now: () => Date.now() + ahead });
    const first = await latchkey.accessToken();
    expect(await latchkey.accessToken()).toBe(first);
    app.clock.advance(ACCESS_SECONDS + 1);
    ahead = ACCESS_SECONDS * 1000;
    const second = await latchkey.accessToken();
    expect(second).not.toBe(first);
    expect((await app.gql('{ me { id } }', {}, { token: second ?? '' })).data.me).not.toBeNull();
  });
});

describe('request()', () => {
  it('throws what the service says', async () => {
    const { latchkey } = await signedIn();
    const wrong = request(latchkey, '{ nothing }');
    await expect(wrong).rejects.toThrow(LatchkeyError);
    await expect(wrong).rejects.toMatchObject({ code: 'BAD_USER_INPUT', errors: [{}] });
  });

  it('can be stopped', async () => {
    const { latchkey, wire } = await signedIn();
    const stopped = AbortSignal.abort();
    wire.replace('MySessions', async () => {
      throw new DOMException('stopped', 'AbortError');
    });
    const asked = request(latchkey, MySessionsDocument, {}, { signal: stopped });
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
});
