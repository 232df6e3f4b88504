import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  LoginDocument,
  MeDocument,
  RegisterDocument,
} from '../../packages/client/src/generated/documents.ts';
import {
  createLatchkey,
  type LatchkeyOptions,
  memoryStorage,
  request,
} from '../../packages/client/src/index.ts';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { createWire } from './support/wire.ts';

const URL = 'http://localhost:4000/graphql';
const ACCESS_SECONDS = 900;

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

function createClient(options: Partial<LatchkeyOptions> = {}) {
  const wire = createWire(app);
  const latchkey = createLatchkey({ url: URL, mode: 'cookie', fetch: wire.fetch, ...options });
  return { wire, latchkey, me: () => request(latchkey, MeDocument).then(({ me }) => me?.username) };
}

describe('cookie mode', () => {
  it('asks for cookies by itself, and keeps no token', async () => {
    const storage = memoryStorage();
    const kept: string[] = [];
    const { latchkey, wire, me } = createClient({
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
    const { wire, me, latchkey } = createClient();
    const { username } = await registerUser(app);
    await request(latchkey, LoginDocument, { input: { identifier: username, password: PASSWORD } });
    expect(await me()).toBe(username);
    // the same without the header is what the service refuses
    const cookie = [...wire.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { errors } = await app.gql('{ me { id } }', {}, { headers: { cookie } });
    expect(errors?.[0]?.extensions.code).toBe('CSRF_REJECTED');
  });

  it('finds the cookies of a sign-in that it has not seen, and refreshes them', async () => {
    const { wire, me, latchkey } = createClient();
    const { username } = await registerUser(app);
    const elsewhere = createLatchkey({ url: URL, mode: 'cookie', fetch: wire.fetch });
    await request(elsewhere, LoginDocument, {
      input: { identifier: username, password: PASSWORD },
    });
    expect(latchkey.getState()).toBe('unknown');
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await me()).toBe(username);
    expect(wire.count('LatchkeyRefresh')).toBe(1);
    expect(latchkey.getState()).toBe('signed-in');
  });

  it('has the browser forget cookies that are good for nothing', async () => {
    const { wire, me, latchkey } = createClient();
    const user = await registerUser(app);
    await request(latchkey, LoginDocument, {
      input: { identifier: user.username, password: PASSWORD },
    });
    await app.gql(
      'mutation { logout(everywhere: true) { endedSessions } }',
      {},
      { token: user.accessToken },
    );
    await expect(me()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect([...wire.cookies.keys()]).toEqual(['latchkey-device']);
    expect(latchkey.getState()).toBe('signed-out');
    expect(await me()).toBeUndefined();
  });

  it('keeps the session when a sign-out did not reach the service', async () => {
    const { wire, me, latchkey } = createClient();
    const { username } = await registerUser(app);
    await request(latchkey, LoginDocument, { input: { identifier: username, password: PASSWORD } });
    wire.replace('LatchkeyLogout', () => Promise.reject(new TypeError('fetch failed')));
    await expect(latchkey.signOut()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-in');
    expect(await me()).toBe(username);
  });
});
