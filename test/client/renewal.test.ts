import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memoryStorage } from '../../packages/client/src/index.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, endSessions, signedInClient, twenty } from './support/client.ts';
import { createWire, refusal } from './support/wire.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe('twenty operations at once', () => {
  it('with a token that the service no longer takes make one refresh and twenty answers', async () => {
    const { me, wire, user, events } = await signedInClient(app);
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(wire.count('Me')).toBe(40);
    expect(events).toEqual([]);
  });

  it('with a token that is known to have expired make one refresh, and are sent once', async () => {
    let ahead = 0;
    const { me, wire, user } = await signedInClient(app, { now: () => Date.now() + ahead });
    app.clock.advance(ACCESS_SECONDS + 1);
    ahead = ACCESS_SECONDS * 1000;
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(wire.count('Me')).toBe(20);
  });

  it('with a session that has ended make one refresh and one sign-out', async () => {
    const { me, wire, latchkey, events, user } = await signedInClient(app);
    await endSessions(app, user);
    const failures = await twenty(() => me().catch((error) => error));
    expect(failures.map(({ code }) => code)).toEqual(Array(20).fill('UNAUTHENTICATED'));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(events).toEqual([{ type: 'signed-out', reason: 'ended' }]);
    expect(latchkey.getState()).toBe('signed-out');
    expect(await me()).toBeNull();
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });
});

describe('a refresh', () => {
  it('that gets no answer signs nobody out, and is tried again with the next operation', async () => {
    const { me, wire, events, user } = await signedInClient(app);
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
    const { me, latchkey } = await signedInClient(app, { fetch, timeoutMs: 50 }, wire);
    app.clock.advance(ACCESS_SECONDS + 1);
    await expect(me()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-in');
  });

  it('that was refused for a time is not asked again before', async () => {
    let ahead = 0;
    const { me, wire, events, user } = await signedInClient(app, { now: () => Date.now() + ahead });
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
    const { me, wire, latchkey } = await signedInClient(app, { storage });
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
      const { me, wire, user } = await signedInClient(app, {
        now: () => Date.now() + hours * 3_600_000,
      });
      expect(await me()).toBe(user.username);
      expect(wire.count('LatchkeyRefresh')).toBe(0);
    }
  });
});

describe('accessToken()', () => {
  it('is for other APIs, and fresh', async () => {
    let ahead = 0;
    const { latchkey } = await signedInClient(app, { now: () => Date.now() + ahead });
    const first = await latchkey.accessToken();
    expect(await latchkey.accessToken()).toBe(first);
    app.clock.advance(ACCESS_SECONDS + 1);
    ahead = ACCESS_SECONDS * 1000;
    const second = await latchkey.accessToken();
    expect(second).not.toBe(first);
    expect((await app.gql('{ me { id } }', {}, { token: second ?? '' })).data.me).not.toBeNull();
  });
});
