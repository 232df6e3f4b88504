/**
 * Where the kit keeps what must outlive a request, in the shape of the browsers' `Storage`: `localStorage`,
 * `sessionStorage` and React Native's `AsyncStorage` are such.
 */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
  /** Whether other tabs see what this one writes. Browsers may take a moment for that, which the kit then waits for. */
  readonly shared?: boolean;
}

/** Keeps everything in this instance: gone with the page, and seen by no other tab. */
export function memoryStorage(): TokenStorage {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
}

/**
 * `localStorage`: outlives the page, and all tabs share it. Every script of the page can read it. Where there is none, or
 * the person has forbidden it, everything is kept in memory.
 */
export function webStorage(): TokenStorage {
  const memory = memoryStorage();
  // looked for when it is used: on a server there is none, and where it is forbidden even looking throws
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
