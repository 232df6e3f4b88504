import type { TokenStorage } from './storage.ts';

/** The subset of `navigator.locks` that the kit needs. */
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** The subset of `BroadcastChannel` that the kit needs. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  close(): void;
}

/** The messages between the tabs of an application. They never carry a token: tabs read tokens from the shared storage. */
export type TabMessage =
  | {
      type: 'changed';
      epoch: string | null;
      /** The change was a refresh, not a sign-in: a tab in the `unknown` state then reports `known`. */
      isRenewal?: boolean;
    }
  /** The user signed out on purpose, at this time by this machine's clock. */
  | { type: 'signed-out'; at: number };

/** Coordinates the tabs of an application: messages, and a lock that one tab holds at a time. */
export interface Tabs {
  alone<T>(work: () => Promise<T>): Promise<T>;
  tell(message: TabMessage): void;
  close(): void;
}

/** Replacements for the browser's locks and channel, for tests and for platforms with their own. */
export interface TabOptions {
  locks?: Locks;
  channel?: Channel;
}

const LEASE_MS = 15_000;
const SETTLE_MS = 100;

/** For servers, and for applications that want to ignore other tabs. */
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
  // Web Locks need https or localhost; elsewhere, fall back to a lock in the storage that the tabs share
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
          // hold the lock until the next tab must have received this tab's message
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
 * A lock in a storage without atomic writes: a tab writes its name, waits until other tabs' writes must have arrived, and
 * checks whose name is there. If two tabs get the lock nevertheless, no harm is done: the service gives both the same new
 * token.
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

/** A unique mark. It is not a secret, so `Math.random` will do: `crypto.randomUUID` is missing on plain http. */
export function newMark(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
