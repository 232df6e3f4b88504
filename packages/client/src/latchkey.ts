import { askLogout, type Credentials, credentialsOf, type Kit, type ServerRequest } from './kit.ts';
import {
  completeVariables,
  isSignIn,
  lessonOf,
  type ParsedDocument,
  variableTypes,
} from './operation.ts';
import { createRenewal } from './renewal.ts';
import type { Fetch } from './service.ts';
import {
  createSessionStore,
  type GivenTokens,
  recordOf,
  type SessionRecord,
} from './session-record.ts';
import { createSessionWatch, type SessionEvent, type SessionState } from './session-watch.ts';
import { memoryStorage, type TokenStorage, webStorage } from './storage.ts';
import { joinTabs, NO_TABS, type TabMessage, type TabOptions } from './tabs.ts';

/** How the kit works. */
export interface LatchkeyOptions {
  /** The GraphQL endpoint of Latchkey. */
  url: string;
  /** `bearer` (the standard) holds the tokens and sends them; with `cookie` the browser does, and no script sees them. */
  mode?: 'bearer' | 'cookie';
  /** Where tokens are kept: in memory unless told. In cookie mode it holds no token, and is `localStorage` unless told. */
  storage?: TokenStorage;
  /** The key in the storage, and the name under which tabs meet: one for each session on an origin. */
  name?: string;
  /** `false` to leave other tabs alone; or what stands for the browser's locks and channel. */
  tabs?: false | TabOptions;
  /** On a server: the request being answered. Make an instance for each request. */
  server?: ServerRequest;
  /** What stands for the global `fetch`. */
  fetch?: Fetch;
  /** Milliseconds after which a refresh or sign-out without an answer has failed; 10,000 unless told. */
  timeoutMs?: number;
  /** What stands for `Date.now`. */
  now?: () => number;
}

/** A session with Latchkey, for any number of operations, clients and tabs. */
export interface Latchkey {
  readonly url: string;
  /** What requests are sent by. */
  readonly fetch: Fetch;
  /** Whether somebody is signed in, as far as is known; fit for `useSyncExternalStore` together with `subscribe`. */
  getState(): SessionState;
  /** Tells of every sign-in and sign-out, here and in other tabs. @returns what ends it */
  subscribe(listener: (event: SessionEvent) => void): () => void;
  /** A good access token for other APIs, refreshed if need be; `null` in cookie mode and when nobody is signed in. */
  accessToken(): Promise<string | null>;
  /** Takes tokens that came by another way than an answer that the kit has seen. */
  signIn(tokens: GivenTokens): Promise<void>;
  /**
   * Ends the session at the service, here or on all devices, and signs out all tabs.
   *
   * @throws {LatchkeyError} when the service cannot be asked. Bearer tokens are forgotten all the same; cookies are not.
   */
  signOut(options?: { everywhere?: boolean }): Promise<void>;
  /** Leaves the other tabs. */
  close(): void;
  /** For adapters: the credentials and variables to send an operation with. Refreshes what is known to have expired. */
  begin<Variables extends object>(
    document: ParsedDocument | string,
    variables: Variables,
  ): Promise<Attempt<Variables>>;
  /** For adapters: what to send an operation with after an UNAUTHENTICATED, or `null` when that is the answer. */
  again<Variables extends object>(attempt: Attempt<Variables>): Promise<Attempt<Variables> | null>;
  /** For adapters: takes notice of the data of a mutation. */
  learn(data: unknown): Promise<void>;
}

/** What an operation is sent with. */
export interface Attempt<Variables = Record<string, unknown>> extends Credentials {
  readonly variables: Variables;
  readonly isSignIn: boolean;
  readonly epoch: string | null;
  readonly login: string | null;
}

const TIMEOUT_MS = 10_000;

/** Makes the kit's core. It touches nothing global before that, and nothing of a browser on a server. */
export function createLatchkey(options: LatchkeyOptions): Latchkey {
  const kit = createKit(options, (message) => {
    // a storage that cannot be read is told to the next operation
    follow(kit, message).catch(() => {});
  });
  const renew = createRenewal(kit);
  const canRenew = kit.mode === 'bearer' || !kit.server || kit.server.setCookies !== undefined;

  /** The session, renewed if it is known to need that. */
  async function current(): Promise<SessionRecord | null> {
    const record = await kit.store.read();
    const isStale = record?.staleAt !== undefined && kit.now() >= record.staleAt;
    return isStale && record.refreshToken ? renew(record.epoch) : record;
  }

  return {
    url: kit.url,
    fetch: kit.fetch,
    getState: kit.watch.state,
    subscribe: kit.watch.subscribe,
    close: kit.tabs.close,
    accessToken: async () => (await current())?.accessToken ?? null,
    signIn: (tokens) => open(kit, tokens),
    signOut: ({ everywhere = false } = {}) => signOut(kit, everywhere),
    learn: (data) => learn(kit, data),

    async begin(document, variables) {
      const types = variableTypes(document);
      const signIn = isSignIn(types);
      // a sign-in needs no earlier session, and must not fail for one that cannot be renewed
      const record = signIn && kit.mode === 'bearer' ? null : await current();
      const deviceToken = signIn ? await kit.store.readDevice() : null;
      const known = { deviceToken, cookies: kit.mode === 'cookie' };
      return {
        ...credentialsOf(kit, record),
        variables: completeVariables(variables, types, known),
        isSignIn: signIn,
        epoch: record?.epoch ?? null,
        login: record?.login ?? null,
      };
    },

    async again(attempt) {
      if (attempt.isSignIn || !canRenew) return null;
      let record = await kit.store.read();
      if ((record?.epoch ?? null) === attempt.epoch) {
        if (kit.mode === 'bearer' && record === null) return null;
        record = await renew(attempt.epoch);
      }
      if (record === null) return null;
      if (attempt.login !== null && attempt.login !== record.login) return null;
      const { epoch, login } = record;
      return { ...attempt, ...credentialsOf(kit, record), epoch, login };
    },
  };
}

function createKit(options: LatchkeyOptions, listen: (message: TabMessage) => void): Kit {
  const { url, mode = 'bearer', name = 'latchkey' } = options;
  const server = options.server && withLowerCaseHeaders(options.server);
  const isPage = 'document' in globalThis && server === undefined;
  const storage = options.storage ?? (mode === 'cookie' && isPage ? webStorage() : memoryStorage());
  const { tabs = isPage ? {} : false } = options;
  const kit: Kit = {
    url,
    mode,
    server,
    cookie: server?.headers.cookie,
    // called as it is now: a test or a tool may have replaced it since
    fetch: options.fetch ?? ((...args) => globalThis.fetch(...args)),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    now: options.now ?? Date.now,
    store: createSessionStore(storage, name),
    watch: createSessionWatch(),
    tabs: tabs === false ? NO_TABS : joinTabs(name, storage, tabs, listen),
  };
  kit.store.read().then(
    (record) => {
      // without a record there may be cookies all the same
      if (record !== null || mode === 'bearer') kit.watch.found(record?.login ?? null);
    },
    // the first operation will say that the storage cannot be read
    () => {},
  );
  return kit;
}

function withLowerCaseHeaders(server: ServerRequest): ServerRequest {
  const headers = Object.entries(server.headers).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  return { ...server, headers: Object.fromEntries(headers) };
}

/** Another tab has changed the record. */
function noteRecord({ watch }: Kit, record: SessionRecord | null): void {
  if (record !== null) watch.signedIn(record.login);
  else if (watch.state() === 'signed-in') watch.signedOut('ended');
}

async function follow(kit: Kit, message: TabMessage): Promise<void> {
  if (message.type === 'changed') kit.store.expect(message.epoch);
  const record = await kit.store.read();
  if (message.type === 'changed') {
    if (message.isRenewal && record !== null) kit.watch.found(record.login);
    return noteRecord(kit, record);
  }
  if (record !== null && record.since >= message.at) return noteRecord(kit, record);
  // a tab with a session of its own, because it keeps its tokens in memory, ends that one
  if (record?.refreshToken) void askLogout(kit, record, false).catch(() => {});
  if (record !== null) await kit.store.remove();
  kit.watch.signedOut('asked');
}

async function open(kit: Kit, tokens: GivenTokens | null): Promise<void> {
  if (tokens?.deviceToken) await kit.store.writeDevice(tokens.deviceToken);
  await enter(kit, recordOf(tokens, null, kit.now()));
}

async function enter(kit: Kit, record: SessionRecord): Promise<void> {
  await kit.store.write(record);
  kit.watch.signedIn(record.login);
  kit.tabs.tell({ type: 'changed', epoch: record.epoch });
}

async function signOut(kit: Kit, everywhere: boolean): Promise<void> {
  const record = await kit.store.read();
  try {
    if (record !== null || kit.mode === 'cookie') await askLogout(kit, record, everywhere);
  } catch (error) {
    if (kit.mode === 'bearer') await forget(kit);
    throw error;
  }
  await forget(kit);
}

async function forget(kit: Kit): Promise<void> {
  await kit.store.remove();
  kit.watch.signedOut('asked');
  kit.tabs.tell({ type: 'signed-out', at: kit.now() });
}

async function learn(kit: Kit, data: unknown): Promise<void> {
  const lesson = lessonOf(data);
  if (lesson === null) return;
  if (lesson.type === 'signed-out') {
    const record = await kit.store.read();
    // sent with a token that had expired, a sign-out found no session: the refresh token names it
    if (record?.refreshToken && !lesson.endedSessions) {
      await askLogout(kit, record, false).catch(() => {});
    }
    return forget(kit);
  }
  // tokens in cookie mode, or none in bearer mode: the caller has asked for the other way, and sees to it
  if ((lesson.tokens === null) !== (kit.mode === 'cookie')) return;
  if (lesson.type === 'signed-in') return open(kit, lesson.tokens);
  return enter(kit, recordOf(lesson.tokens, await kit.store.read(), kit.now()));
}
