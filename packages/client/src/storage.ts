/**
 * Where the kit keeps the session between requests. The interface is that of the browsers' `Storage`, so `localStorage`,
 * `sessionStorage` and React Native's `AsyncStorage` fit.
 */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
  /** Whether other tabs see what this one writes. If so, the kit allows for the moment that browsers may take to show it. */
  readonly shared?: boolean;
}

/** Keeps everything in memory: other tabs do not see it, and it is gone when the page closes. */
export function memoryStorage(): TokenStorage {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
}

/**
 * Keeps everything in `localStorage`, which outlives the page and is shared by all tabs. Every script on the page can read
 * it. Falls back to memory where `localStorage` is missing or blocked by the user.
 */
export function webStorage(): TokenStorage {
  const memory = memoryStorage();
  // accessed only when used: servers have no localStorage, and where it is blocked, mere access throws
  const browser = <T>(use: (storage: TokenStorage) => T): T | null => {
    try {
      const { localStorage } = globalThis as { localStorage?: TokenStorage };
      return localStorage === undefined ? null : use(localStorage);
    } catch {
      return null;
    }
  };
  const remove = (key: string) => {
    memory.removeItem(key);
    browser((storage) => storage.removeItem(key));
  };
  return {
    get shared() {
      return browser(() => true) === true;
    },
    getItem: (key) => memory.getItem(key) ?? browser((storage) => storage.getItem(key)),
    setItem(key, value) {
      remove(key);
      const kept = browser((storage) => {
        storage.setItem(key, value);
        return true;
      });
      if (kept === null) memory.setItem(key, value);
    },
    removeItem: remove,
  };
}
