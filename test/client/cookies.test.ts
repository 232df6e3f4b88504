import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegisterDocument } from '../../packages/client/src/generated/documents.ts';
import { memoryStorage, request } from '../../packages/client/src/index.ts';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, createClient, endSessions } from './support/client.ts';
import { createWire } from './support/wire.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const COOKIES = { mode: 'cookie' } as const;

describe('cookie mode', () => {
  it('asks for cookies by itself, and keeps no token', async () => {
    const storage = memoryStorage();
    const kept: string[] = [];
    const { latchkey, wire, me } = createClient(app, {
      ...COOKIES,
      storage: {
        ...storage,
        setItem(key, value) {
          kept.push(value);
          storage.setItem(key, value);
        },
      },
    });
    const username = newName();
    const input = { email: `${username}@example.com`, username, password: PASSWORD };
    const { register } = await request(latchkey, RegisterDocument, { input });
    expect(register).toMatchObject({ __typename: 'RegisterSuccess', tokens: null });
    expect(await me()).toBe(username);
    expect(latchkey.getState()).toBe('signed-in');
    const values = [...wire.cookies.values()];
    expect(values.length).toBe(3);
    expect(kept.length).toBeGreaterThan(0);
    for (const text of kept) for (const value of values) expect(text).not.toContain(value);
  });

  it('is let in by the service, with the CSRF header it sends', async () => {
    const { wire, me, signIn } = createClient(app, COOKIES);
    const { username } = await registerUser(app);
    await signIn({ username });
    expect(await me()).toBe(username);
    // the same without the header is what the service refuses
    const cookie = [...wire.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { errors } = await app.gql('{ me { id } }', {}, { headers: { cookie } });
    expect(errors?.[0]?.extensions.code).toBe('CSRF_REJECTED');
  });

  it('wants the origin of the page listed, also through a proxy that makes it the same for browsers', async () => {
    const origin = 'http://localhost:5173';
    const listing = await createTestApp({ env: { CORS_ORIGINS: origin } });
    const open = async (service: TestApp, mode: 'bearer' | 'cookie') => {
      const wire = createWire(service);
      const fetch: typeof wire.fetch = (url, init) =>
        wire.fetch(url, { ...init, headers: { ...init?.headers, origin } });
      const client = createClient(service, { mode, fetch }, wire);
      await client.signIn(await registerUser(service));
      return client.me().catch(({ code }) => code);
    };
    expect(await open(app, 'cookie')).toBe('CSRF_REJECTED');
    expect(await open(app, 'bearer')).toMatch(/^\w+$/);
    expect(await open(listing, 'cookie')).not.toBe('CSRF_REJECTED');
    await listing.close();
  });

  it('finds the cookies of a sign-in that it has not seen, and refreshes them', async () => {
    const { wire, me, latchkey, events } = createClient(app, COOKIES);
    const { username } = await registerUser(app);
    await createClient(app, COOKIES, wire).signIn({ username });
    expect(latchkey.getState()).toBe('unknown');
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await me()).toBe(username);
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(latchkey.getState()).toBe('signed-in');
    // nobody signed in just now
    expect(events).toEqual([{ type: 'known' }]);
  });

  it('has the browser forget cookies that are good for nothing', async () => {
    const { wire, me, latchkey, signIn } = createClient(app, COOKIES);
    const user = await registerUser(app);
    await signIn(user);
    await endSessions(app, user);
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect([...wire.cookies.keys()]).toEqual(['latchkey-device']);
    expect(latchkey.getState()).toBe('signed-out');
    expect(await me()).toBeNull();
  });

  it('keeps the session when a sign-out did not reach the service', async () => {
    const { wire, me, latchkey, signIn } = createClient(app, COOKIES);
    const { username } = await registerUser(app);
    await signIn({ username });
    wire.replace('LatchkeyLogout', () => Promise.reject(new TypeError('fetch failed')));
    await expect(latchkey.signOut()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-in');
    expect(await me()).toBe(username);
  });
});
