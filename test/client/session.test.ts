import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  LoginDocument,
  LogoutDocument,
  RegisterDocument,
  UpdateProfileDocument,
} from '../../packages/client/src/generated/documents.ts';
import { memoryStorage, request } from '../../packages/client/src/index.ts';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, createClient, signedInClient, twenty } from './support/client.ts';

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe('a sign-in', () => {
  it('is noticed in the answer, and told once', async () => {
    const { latchkey, events, me } = createClient(app);
    const input = { email: `${newName()}@example.com`, username: newName(), password: PASSWORD };
    await request(latchkey, RegisterDocument, { input });
    expect(latchkey.getState()).toBe('signed-in');
    expect(await me()).toBe(input.username);
    expect(events.map(({ type }) => type)).toEqual(['known', 'signed-in']);
  });

  it('gets the device token of the one before, also after a sign-out', async () => {
    const { latchkey, wire, user } = await signedInClient(app);
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
    const { user, wire } = await signedInClient(app, { storage });
    const next = createClient(app, { storage }, wire);
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
    const { me, user, wire } = await signedInClient(app, { storage });
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await twenty(me)).toEqual(Array(20).fill(user.username));
    expect(wire.count('LatchkeyRefresh')).toBe(1);
  });
});

describe('a new password', () => {
  it('brings new tokens, and nobody is signed out here', async () => {
    const { latchkey, me, user, events } = await signedInClient(app);
    const input = { currentPassword: PASSWORD, newPassword: 'another four words here' };
    await request(latchkey, UpdateProfileDocument, { input });
    app.clock.advance(ACCESS_SECONDS + 40);
    expect(await me()).toBe(user.username);
    expect(events).toEqual([]);
  });
});

describe('a sign-out', () => {
  it('ends the session at the service, also when the access token has expired', async () => {
    const { latchkey, user, events } = await signedInClient(app);
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
    const { latchkey, user } = await signedInClient(app);
    await latchkey.signOut({ everywhere: true });
    expect((await app.gql('{ me { id } }', {}, { token: user.accessToken })).data.me).toBeNull();
  });

  it('by the mutation of the schema is noticed, and ends the session with an expired token too', async () => {
    const { latchkey, user, events } = await signedInClient(app);
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
    const { latchkey, wire } = await signedInClient(app);
    wire.replace('LatchkeyLogout', () => Promise.reject(new TypeError('fetch failed')));
    await expect(latchkey.signOut()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(latchkey.getState()).toBe('signed-out');
  });
});
