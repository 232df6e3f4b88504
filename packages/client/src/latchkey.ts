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

/** The options of {@link createLatchkey}. */
export interface LatchkeyOptions {
  /** Latchkey's GraphQL endpoint. */
  url: string;
  /** `bearer` (the default): the kit keeps and sends the tokens. `cookie`: the browser does, out of the reach of scripts. */
  mode?: 'bearer' | 'cookie';
  /** Where to keep the tokens; defaults to memory. In cookie mode it holds no token and defaults to `localStorage`. */
  storage?: TokenStorage;
  /** The storage key, and the name by which tabs find each other. Each session on an origin needs its own. */
  name?: string;
  /** `false` to ignore other tabs, or replacements for the browser's locks and channel. */
  tabs?: false | TabOptions;
  /** On a server: the incoming request. Create an instance for each request. */
  server?: ServerRequest;
  /** Replaces the global `fetch`. */
  fetch?: Fetch;
  /** How many milliseconds a refresh or sign-out may take before it fails; defaults to 10,000. */
  timeoutMs?: number;
  /** Replaces `Date.now`. */
  now?: () => number;
}

/** A session with Latchkey, for any number of operations, clients and tabs. */
export interface Latchkey {
  readonly url: string;
  /** The function that sends requests. */
  readonly fetch: Fetch;
  /** Whether somebody is signed in, as far as the kit knows. Works with `subscribe` in React's `useSyncExternalStore`. */
  getState(): SessionState;
  /** Calls `listener` on every sign-in and sign-out, here and in other tabs. @returns a function that unsubscribes */
  subscribe(listener: (event: SessionEvent) => void): () => void;
  /** A valid access token for other APIs, refreshed if needed; `null` in cookie mode and when nobody is signed in. */
  accessToken(): Promise<string | null>;
  /** Signs in with tokens that the kit has not seen in an answer, because the application got them in another way. */
  signIn(tokens: GivenTokens): Promise<void>;
  /**
   * Ends the session at the service, on this device or on all, and signs out all tabs.
   *
   * @throws {LatchkeyError} if the service cannot be asked. The kit deletes bearer tokens even then; cookies remain.
   */
  signOut(options?: { everywhere?: boolean }): Promise<void>;
  /** Leaves the other tabs. */
  close(): void;
  /** For adapters: returns the credentials and variables for an operation, after refreshing a token known to have expired. */
  begin<Variables extends object>(
    document: ParsedDocument | string,
    variables: Variables,
  ): Promise<Attempt<Variables>>;
  /** For adapters: after an UNAUTHENTICATED, returns what to send the operation with again, or `null` if it should fail. */
  again<Variables extends object>(attempt: Attempt<Variables>): Promise<Attempt<Variables> | null>;
  /** For adapters: updates the session by the result of a mutation. */
  learn(data: unknown): Promise<void>;
}

/** What to send an operation with. */
export interface Attempt<Variables = Record<string, unknown>> extends Credentials {
  readonly variables: Variables;
  readonly isSignIn: boolean;
  readonly epoch: string | null;
  readonly login: string | null;
}

const TIMEOUT_MS = 10_000;

/** Creates the kit's core. Importing the module touches no globals, and on a server the kit uses nothing of a browser. */
export function createLatchkey(options: LatchkeyOptions): Latchkey {
  const kit = createKit(options, (message) => {
    // if the storage cannot be read, the next operation reports it
    follow(kit, message).catch(() => {});
  });
  const renew = createRenewal(kit);
  const canRenew = kit.mode === 'bearer' || !kit.server || kit.server.setCookies !== undefined;

  /** The session, renewed first if its access token is known to have expired. */
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
      // a sign-in needs no earlier session, and must not fail because that one cannot be renewed
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
    // looked up on every call, because a test or a tool may replace it later
    fetch: options.fetch ?? ((...args) => globalThis.fetch(...args)),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    now: options.now ?? Date.now,
    store: createSessionStore(storage, name),
    watch: createSessionWatch(),
    tabs: tabs === false ? NO_TABS : joinTabs(name, storage, tabs, listen),
  };
  kit.store.read().then(
    (record) => {
      // without a record there may still be cookies
      if (record !== null || mode === 'bearer') kit.watch.found(record?.login ?? null);
    },
    // if the storage cannot be read, the first operation reports it
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

/** Updates the state after another tab has changed the record. */
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
  // a tab that keeps its tokens in memory has a session of its own, which it has to end itself
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
    // a sign-out with an expired access token ends no session, so sign out by the refresh token, which still names it
    if (record?.refreshToken && !lesson.endedSessions) {
      await askLogout(kit, record, false).catch(() => {});
    }
    return forget(kit);
  }
  // tokens in cookie mode, or none in bearer mode: the caller chose the other way for this sign-in and handles it
  if ((lesson.tokens === null) !== (kit.mode === 'cookie')) return;
  if (lesson.type === 'signed-in') return open(kit, lesson.tokens);
  return enter(kit, recordOf(lesson.tokens, await kit.store.read(), kit.now()));
}
