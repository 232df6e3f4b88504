import {
  type Answer,
  errorOf,
  type Fetch,
  OWN_OPERATIONS,
  post,
  type Refreshed,
  readRefresh,
} from './service.ts';
import type { SessionRecord, SessionStore } from './session-record.ts';
import type { SessionWatch } from './session-watch.ts';
import type { Tabs } from './tabs.ts';

/** The request that a server is answering while it asks Latchkey. */
export interface ServerRequest {
  /** What of it Latchkey shall see, such as `{ cookie: request.headers.cookie }`. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Puts Set-Cookie values on the answer to the browser. Without it nothing is refreshed on the server, because a token
   * that was exchanged and never reached the browser looks stolen when the browser presents the old one.
   */
  readonly setCookies?: (values: string[]) => void;
}

/** What the parts of the kit work with. */
export interface Kit {
  readonly url: string;
  readonly mode: 'bearer' | 'cookie';
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly store: SessionStore;
  readonly watch: SessionWatch;
  readonly tabs: Tabs;
  readonly server: ServerRequest | undefined;
  /** The request's cookies, with those that a refresh has replaced. */
  cookie: string | undefined;
}

/** What goes with a request to authenticate it. */
export interface Credentials {
  readonly headers: Record<string, string>;
  readonly credentials?: 'include';
}

export function credentialsOf(kit: Kit, record: SessionRecord | null): Credentials {
  const headers: Record<string, string> = { ...kit.server?.headers };
  if (kit.cookie !== undefined) headers.cookie = kit.cookie;
  if (kit.mode === 'cookie') {
    headers['x-csrf-protection'] = '1';
    return { headers, credentials: 'include' };
  }
  if (record?.accessToken) headers.authorization = `Bearer ${record.accessToken}`;
  return { headers };
}

/** @throws {LatchkeyError} when the service neither renews nor refuses */
export async function askRefresh(kit: Kit, record: SessionRecord | null): Promise<Refreshed> {
  const variables = kit.mode === 'bearer' ? { input: { refreshToken: record?.refreshToken } } : {};
  return readRefresh(await ask(kit, OWN_OPERATIONS.LatchkeyRefresh, variables));
}

/** Whether the browser's cookies are good. @throws {LatchkeyError} when the service cannot be asked */
export async function askWhetherGood(kit: Kit): Promise<boolean> {
  const { data } = await ask(kit, OWN_OPERATIONS.LatchkeyProbe, {});
  return Boolean((data as { me?: unknown } | null | undefined)?.me);
}

/** Ends the session at the service. @throws {LatchkeyError} when that cannot be known to have happened */
export async function askLogout(
  kit: Kit,
  record: SessionRecord | null,
  everywhere: boolean,
): Promise<void> {
  const refreshToken = record?.refreshToken;
  const answer = await ask(
    kit,
    OWN_OPERATIONS.LatchkeyLogout,
    { everywhere, refreshToken },
    record,
  );
  if (!answer.data) throw errorOf(answer);
}

async function ask(
  kit: Kit,
  query: string,
  variables: Record<string, unknown>,
  record: SessionRecord | null = null,
): Promise<Answer> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error('timed out')), kit.timeoutMs);
  try {
    const init = { ...credentialsOf(kit, record), signal: abort.signal };
    const { answer, setCookies } = await post(kit.fetch, kit.url, { query, variables }, init);
    if (kit.server && setCookies.length > 0) {
      kit.cookie = replaceCookies(kit.cookie ?? '', setCookies);
      kit.server.setCookies?.(setCookies);
    }
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** A Cookie header after Set-Cookie values. */
function replaceCookies(header: string, setCookies: readonly string[]): string {
  const cookies = new Map<string, string>();
  for (const pair of [
    ...header.split(/; */),
    ...setCookies.map((text) => text.split(';')[0] ?? ''),
  ]) {
    const [name = '', ...value] = pair.split('=');
    if (name !== '') cookies.set(name.trim(), value.join('='));
  }
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}
