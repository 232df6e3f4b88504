import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Channel,
  type Latchkey,
  type LatchkeyOptions,
  type Locks,
  memoryStorage,
  type SessionState,
  type TokenStorage,
} from '../../packages/client/src/index.ts';
import { storageLocks } from '../../packages/client/src/tabs.ts';
import { newName, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { ACCESS_SECONDS, createClient, endSessions, type TestClient } from './support/client.ts';
import { createLocks } from './support/tabs.ts';
import { createWire } from './support/wire.ts';

let app: TestApp;
const opened: Latchkey[] = [];

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());
afterEach(() => {
  for (const tab of opened.splice(0)) tab.close();
});

/** A browser: what its tabs share. */
function createBrowser(
  options: Partial<LatchkeyOptions> = {},
  cookies = new Map<string, string>(),
) {
  const storage = memoryStorage();
  const locks: Locks | null = createLocks();
  const name = newName('browser');
  return {
    storage,
    /** Opens a tab. What it is given replaces what the tabs share. */
    open(own: Partial<LatchkeyOptions> = {}, itsLocks: Locks = locks) {
      const channel = new BroadcastChannel(name) as BroadcastChannel & Channel;
      const tabs = { locks: itsLocks, channel };
      const its = { name, storage, tabs, ...options, ...own };
      const tab = createClient(app, its, createWire(app, cookies));
      opened.push(tab.latchkey);
      return tab;
    },
  };
}

const refreshes = (tabs: TestClient[]) =>
  tabs.reduce((sum, { wire }) => sum + wire.count('LatchkeyRefresh'), 0);

/** Waits until every tab has heard of it. */
const allBecome = (tabs: TestClient[], state: SessionState) =>
  vi.waitFor(() => {
    for (const { latchkey } of tabs) expect(latchkey.getState()).toBe(state);
  });

describe('two tabs', () => {
  it('that have seen no sign-in learn of one by a refresh, and take it for none', async () => {
    const user = await registerUser(app);
    const cookies = new Map<string, string>();
    const { open } = createBrowser({ mode: 'cookie' }, cookies);
    const tabs = [open(), open()];
    // elsewhere: on pages that share the cookies, and nothing else
    await createClient(app, { mode: 'cookie' }, createWire(app, cookies)).signIn(user);
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await tabs[0]?.me()).toBe(user.username);
    await allBecome(tabs, 'signed-in');
    for (const { events } of tabs) expect(events).toEqual([{ type: 'known' }]);
  });
});

describe.each(['bearer', 'cookie'] as const)('three tabs in %s mode', (mode) => {
  it('with an expired token make one refresh, and nobody is signed out', async () => {
    const user = await registerUser(app);
    const { open } = createBrowser({ mode });
    const tabs = [open(), open(), open()];
    await tabs[0]?.signIn(user);
    await allBecome(tabs, 'signed-in');
    app.clock.advance(ACCESS_SECONDS + 1);
    const asked = tabs.flatMap(({ me }) => [me(), me(), me()]);
    expect(await Promise.all(asked)).toEqual(Array(9).fill(user.username));
    expect(refreshes(tabs)).toBe(1);
    for (const { events } of tabs)
      expect(events.some(({ type }) => type === 'signed-out')).toBe(false);
    // and so it goes on
    app.clock.advance(ACCESS_SECONDS + 1);
    await Promise.all(tabs.map(({ me }) => me()));
    expect(refreshes(tabs)).toBe(2);
  });

  it('are signed out together', async () => {
    const user = await registerUser(app);
    const { open } = createBrowser({ mode });
    const tabs = [open(), open(), open()];
    await tabs[0]?.signIn(user);
    await allBecome(tabs, 'signed-in');
    await tabs[1]?.latchkey.signOut();
    await vi.waitFor(() => {
      for (const { events } of tabs) {
        expect(events.at(-1)).toEqual({ type: 'signed-out', reason: 'asked' });
      }
    });
    for (const { me } of tabs) expect(await me()).toBeNull();
    expect(refreshes(tabs)).toBe(0);
  });

  it('whose session has ended are signed out once each, by one refresh', async () => {
    const user = await registerUser(app);
    const { open } = createBrowser({ mode });
    const tabs = [open(), open(), open()];
    await tabs[0]?.signIn(user);
    await allBecome(tabs, 'signed-in');
    await endSessions(app, user);
    await Promise.allSettled(tabs.flatMap(({ me }) => [me(), me()]));
    expect(refreshes(tabs)).toBe(1);
    await vi.waitFor(() => {
      for (const { events } of tabs) {
        const outs = events.filter(({ type }) => type === 'signed-out');
        expect(outs).toEqual([{ type: 'signed-out', reason: 'ended' }]);
      }
    });
    for (const { me } of tabs) expect(await me()).toBeNull();
  });

  it('follow a sign-in as somebody else', async () => {
    const [ada, grace] = [await registerUser(app), await registerUser(app)];
    const { open } = createBrowser({ mode });
    const [here, there] = [open(), open()];
    await here.signIn(ada);
    await vi.waitFor(() => expect(there.latchkey.getState()).toBe('signed-in'));
    there.events.length = 0;
    await here.signIn(grace);
    await vi.waitFor(() => expect(there.events).toEqual([{ type: 'signed-in' }]));
    expect(await there.me()).toBe(grace.username);
  });
});

describe('tabs whose browser takes a moment to show what another has written', () => {
  /** What each tab sees of a storage: its own writes at once, those of others late. */
  function createLaggingStorage(lagMs: number) {
    const views: Map<string, string>[] = [];
    return (): TokenStorage => {
      const mine = new Map<string, string>();
      views.push(mine);
      const change = (apply: (view: Map<string, string>) => void) => {
        apply(mine);
        const others = views.filter((view) => view !== mine);
        setTimeout(() => others.forEach(apply), lagMs);
      };
      return {
        shared: true,
        getItem: (key) => mine.get(key) ?? null,
        setItem: (key, value) => change((view) => view.set(key, value)),
        removeItem: (key) => change((view) => view.delete(key)),
      };
    };
  }

  it.each(['bearer', 'cookie'] as const)('make one refresh each time in %s mode', async (mode) => {
    const user = await registerUser(app);
    const { open } = createBrowser({ mode });
    const view = createLaggingStorage(120);
    const tabs = [1, 2, 3].map(() => open({ storage: view() }));
    await tabs[0]?.signIn(user);
    await allBecome(tabs, 'signed-in');
    for (const round of [1, 2]) {
      app.clock.advance(ACCESS_SECONDS + 1);
      const names = await Promise.all(tabs.map(({ me }) => me()));
      expect(names).toEqual(Array(3).fill(user.username));
      expect(refreshes(tabs)).toBe(round);
    }
    await tabs[2]?.latchkey.signOut();
    await allBecome(tabs, 'signed-out');
  });
});

describe('tabs that hear nothing of each other', () => {
  it('refresh the cookies they share once all the same', async () => {
    const user = await registerUser(app);
    const { open } = createBrowser({ mode: 'cookie' });
    const locks = createLocks();
    const channel: Channel = { postMessage() {}, addEventListener() {}, close() {} };
    const alone = () => open({ storage: memoryStorage(), tabs: { locks, channel } });
    const tabs = [alone(), alone(), alone()];
    await tabs[0]?.signIn(user);
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await Promise.all(tabs.map(({ me }) => me()))).toEqual(Array(3).fill(user.username));
    expect(refreshes(tabs)).toBe(1);
  });
});

describe('tabs that keep their tokens in memory', () => {
  it('have sessions of their own, and end them all together', async () => {
    const user = await registerUser(app);
    const { open } = createBrowser();
    const [here, there] = [open({ storage: memoryStorage() }), open({ storage: memoryStorage() })];
    await here.signIn(user);
    await there.signIn(user);
    await here.latchkey.signOut();
    await vi.waitFor(() => expect(there.latchkey.getState()).toBe('signed-out'));
    const sessions = async () => {
      const { data } = await app.gql('{ me { sessions { id } } }', {}, { token: user.accessToken });
      return data.me.sessions.length;
    };
    await vi.waitFor(async () => expect(await sessions()).toBe(1));
  });
});

describe('without Web Locks', () => {
  it('tabs take turns by the storage they share', async () => {
    const user = await registerUser(app);
    const { open, storage } = createBrowser();
    const tabs = [1, 2, 3].map(() => open({}, storageLocks(storage)));
    await tabs[0]?.signIn(user);
    app.clock.advance(ACCESS_SECONDS + 1);
    expect(await Promise.all(tabs.map(({ me }) => me()))).toEqual(Array(3).fill(user.username));
    expect(refreshes(tabs)).toBe(1);
  });

  it('what runs never overlaps, also when it throws', async () => {
    const storage = memoryStorage();
    let running = 0;
    const work = async () => {
      running++;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      throw new Error('done');
    };
    const all = Array.from({ length: 5 }, () => storageLocks(storage).request('it', work));
    const settled = await Promise.allSettled(all);
    expect(settled.map((one) => one.status === 'rejected' && one.reason.message)).toEqual(
      Array(5).fill('done'),
    );
  });

  it('a tab that was closed while it held the lock holds it no longer than its lease', async () => {
    const storage = memoryStorage();
    storage.setItem('it.lock', `somebody ${Date.now() - 1}`);
    expect(await storageLocks(storage).request('it', async () => 'done')).toBe('done');
  });
});
