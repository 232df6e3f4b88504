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

/** The incoming request that a server handles while it calls Latchkey. */
export interface ServerRequest {
  /** The headers of the request to pass on to Latchkey, such as `{ cookie: request.headers.cookie }`. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Adds Set-Cookie values to the response to the browser. Without this function the kit does not refresh on the server: the
   * browser would never get the new token, and the old one would look stolen when the browser sends it again.
   */
  readonly setCookies?: (values: string[]) => void;
}

/** What the parts of the kit share. */
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
  /** The cookies of the incoming request, updated by every refresh. */
  cookie: string | undefined;
}

/** What authenticates a request. */
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

/** Refreshes the session. @throws {LatchkeyError} if the service neither renews the session nor refuses to */
export async function askRefresh(kit: Kit, record: SessionRecord | null): Promise<Refreshed> {
  const variables = kit.mode === 'bearer' ? { input: { refreshToken: record?.refreshToken } } : {};
  return readRefresh(await ask(kit, OWN_OPERATIONS.LatchkeyRefresh, variables));
}

/** Whether the browser's cookies are still valid. @throws {LatchkeyError} if the service cannot be asked */
export async function askWhetherGood(kit: Kit): Promise<boolean> {
  const { data } = await ask(kit, OWN_OPERATIONS.LatchkeyProbe, {});
  return Boolean((data as { me?: unknown } | null | undefined)?.me);
}

/** Ends the session at the service. @throws {LatchkeyError} if the session may not have ended */
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

/** Applies Set-Cookie values to a Cookie header. */
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
