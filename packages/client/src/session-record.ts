import type { TokenStorage } from './storage.ts';
import { newMark, pause } from './tabs.ts';

/** What the kit stores of a session, for all tabs. In cookie mode it holds no token. */
export interface SessionRecord {
  /** Changes with every refresh: an operation that failed under an earlier epoch need only be sent again. */
  readonly epoch: string;
  /** Identifies the sign-in and survives refreshes, so that an operation is never repeated as another user. */
  readonly login: string;
  /** When the user signed in, by this machine's clock. */
  readonly since: number;
  readonly accessToken?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** When to treat the access token as expired, by this machine's clock. */
  readonly staleAt?: number | undefined;
}

/** Tokens as the service returns them; those that the document does not select are missing. */
export interface GivenTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | null | undefined;
  readonly deviceToken?: string | null | undefined;
}

/** Keeps the record, and the token by which the service recognises this device. */
export interface SessionStore {
  /** Reads the record. If another tab has announced a change that is not visible yet, waits a moment for it. */
  read(): Promise<SessionRecord | null>;
  /** Notes that another tab has written a record of this epoch, or removed the record (`null`). */
  expect(epoch: string | null): void;
  write(record: SessionRecord): Promise<void>;
  remove(): Promise<void>;
  readDevice(): Promise<string | null>;
  writeDevice(token: string): Promise<void>;
}

// refresh this early, so that a token does not expire while its request is on the way
const EARLY_MS = 5000;
const CATCH_UP_MS = 1000;
const POLL_MS = 10;

export function createSessionStore(storage: TokenStorage, name: string): SessionStore {
  const device = `${name}.device`;
  let expected: string | null | undefined;

  async function read(): Promise<SessionRecord | null> {
    for (let waited = 0; ; waited += POLL_MS) {
      const record = parseRecord(await storage.getItem(name));
      const isLate = expected !== undefined && (record?.epoch ?? null) !== expected;
      if (!isLate || !storage.shared || waited >= CATCH_UP_MS) {
        expected = undefined;
        return record;
      }
      await pause(POLL_MS);
    }
  }

  return {
    read,
    expect(epoch) {
      expected = epoch;
    },
    async write(record) {
      expected = undefined;
      await storage.setItem(name, JSON.stringify(record));
    },
    async remove() {
      expected = undefined;
      await storage.removeItem(name);
    },
    readDevice: async () => (await storage.getItem(device)) || null,
    writeDevice: async (token) => void (await storage.setItem(device, token)),
  };
}

/** Creates the record of a new session, or of one that continues with new tokens. */
export function recordOf(
  tokens: GivenTokens | null,
  before: Pick<SessionRecord, 'login' | 'since'> | null,
  now: number,
): SessionRecord {
  const { login, since } = before ?? { login: newMark(), since: now };
  if (tokens === null) return { epoch: newMark(), login, since };
  const { accessToken, refreshToken } = tokens;
  return {
    epoch: newMark(),
    login,
    since,
    accessToken,
    refreshToken: refreshToken ?? undefined,
    staleAt: staleAt(accessToken, now),
  };
}

/**
 * When to treat a token that has just arrived as expired. Only the token's lifetime counts, not its timestamps, because this
 * machine's clock may be off by any amount.
 */
function staleAt(accessToken: string, now: number): number | undefined {
  try {
    const payload = (accessToken.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { iat, exp } = JSON.parse(atob(payload)) as { iat?: unknown; exp?: unknown };
    if (typeof iat !== 'number' || typeof exp !== 'number') return undefined;
    const lifetime = (exp - iat) * 1000;
    return now + lifetime - Math.min(EARLY_MS, lifetime / 10);
  } catch {
    return undefined;
  }
}

function parseRecord(text: string | null): SessionRecord | null {
  try {
    const record = JSON.parse(text ?? 'null') as SessionRecord | null;
    return typeof record?.epoch === 'string' ? record : null;
  } catch {
    // another program has written to our key
    return null;
  }
}
