import type { TokenStorage } from './storage.ts';
import { newMark, pause } from './tabs.ts';

/** What the kit remembers of a session, for all tabs. In cookie mode it holds no token. */
export interface SessionRecord {
  /** Changes with every refresh: whoever failed with another one need only try again. */
  readonly epoch: string;
  /** Made at the sign-in and kept by refreshes: an operation is never repeated in somebody else's name. */
  readonly login: string;
  /** When the person signed in, by this machine's clock. */
  readonly since: number;
  readonly accessToken?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** From when on the access token is known not to be good any more, by this machine's clock. */
  readonly staleAt?: number | undefined;
}

/** Tokens as the service gives them; those that were not asked for are missing. */
export interface GivenTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | null | undefined;
  readonly deviceToken?: string | null | undefined;
}

/** Where the record is, and what makes this device a known one. */
export interface SessionStore {
  /** Waits a moment for what another tab has written, if that is not to be seen yet. */
  read(): Promise<SessionRecord | null>;
  /** Another tab says what it has written: a record of this epoch, or none. */
  expect(epoch: string | null): void;
  write(record: SessionRecord): Promise<void>;
  remove(): Promise<void>;
  readDevice(): Promise<string | null>;
  writeDevice(token: string): Promise<void>;
}

// an answer that is on its way when the token expires was asked for with a good one
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

/** The record of a session that was just opened or goes on. */
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
 * When a token that came just now is no longer good. Only its lifetime is read, not its times: this machine's clock may be
 * wrong by any amount.
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
    // somebody else's value under our key
    return null;
  }
}
