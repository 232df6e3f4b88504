import type { TokenStorage } from './storage.ts';

/** As much of `navigator.locks` as is needed. */
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** As much of a `BroadcastChannel` as is needed. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  close(): void;
}

/** What tabs of one application tell each other. Never a token: who may read the storage finds it there. */
export type TabMessage =
  | {
      type: 'changed';
      epoch: string | null;
      /** By a refresh: nobody signed in, and a tab that knew of no session learns that there was one. */
      isRenewal?: boolean;
    }
  /** Somebody signed out on purpose, at this time of this machine. */
  | { type: 'signed-out'; at: number };

/** The other tabs of the application, and the one of them that may work alone. */
export interface Tabs {
  alone<T>(work: () => Promise<T>): Promise<T>;
  tell(message: TabMessage): void;
  close(): void;
}

/** What stands for the browser's own, in tests and in places that have others. */
export interface TabOptions {
  locks?: Locks;
  channel?: Channel;
}

const LEASE_MS = 15_000;
const SETTLE_MS = 100;

/** No other tabs: a server, or an application that wants it so. */
export const NO_TABS: Tabs = { alone: (work) => work(), tell: () => {}, close: () => {} };

/** Joins the tabs of this browser that use the same name. */
export function joinTabs(
  name: string,
  storage: TokenStorage,
  given: TabOptions,
  listen: (message: TabMessage) => void,
): Tabs {
  const { navigator, BroadcastChannel } = globalThis as {
    navigator?: { locks?: Locks };
    BroadcastChannel?: new (name: string) => Channel;
  };
  // Web Locks want https or localhost; without them the storage that the tabs share has to do
  const locks = given.locks ?? navigator?.locks ?? storageLocks(storage);
  const channel = given.channel ?? (BroadcastChannel && new BroadcastChannel(name));
  channel?.addEventListener('message', ({ data }) => listen(data as TabMessage));
  let hasTold = false;
  return {
    alone: (work) =>
      new Promise((resolve, reject) => {
        const hold = async () => {
          hasTold = false;
          await work().then(resolve, reject);
          // the next tab must have heard what this one has done before it has its turn
          if (hasTold) await pause(SETTLE_MS);
        };
        locks.request(`${name}.refresh`, hold).catch(reject);
      }),
    tell(message) {
      hasTold = true;
      channel?.postMessage(message);
    },
    close: () => channel?.close(),
  };
}

/**
 * A lock on a storage without atomic writes: write your name, wait until others' writes must have arrived, and see whose
 * name stayed. If two get in all the same, the service gives both the same new token.
 */
export function storageLocks(storage: TokenStorage): Locks {
  return {
    async request(name, work) {
      const key = `${name}.lock`;
      const me = newMark();
      const holder = async () => {
        const [owner, until] = ((await storage.getItem(key)) ?? '').split(' ');
        return Number(until) > Date.now() ? owner : undefined;
      };
      while ((await holder()) !== me) {
        if ((await holder()) === undefined) {
          await storage.setItem(key, `${me} ${Date.now() + LEASE_MS}`);
        }
        await pause(SETTLE_MS * (0.5 + Math.random() / 2));
      }
      try {
        return await work();
      } finally {
        if ((await holder()) === me) await storage.removeItem(key);
      }
    },
  };
}

/** Something that no other tab has. It is no secret; `crypto.randomUUID` is missing on plain http. */
export function newMark(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
