import { type AnyVariables, stringifyDocument, type TypedDocumentNode } from '@urql/core';
import { LogoutDocument, RefreshDocument } from '../generated/account.ts';

/** What a page is told about the session, by itself or by another tab. */
export type SessionEvent =
  | 'signed-in'
  | 'signed-out'
  | 'expired'
  | 'deleted'
  | 'password-chosen'
  | 'address-restored';

/**
 * The session that the browser's cookies hold. Scripts cannot see it; they learn that it needs a refresh from the code
 * UNAUTHENTICATED, and that it is over from a refresh that fails.
 */
export interface Session {
  /** A fetch that refreshes the session where an answer asks for it, and then sends the request once more. */
  readonly fetch: typeof fetch;
  /** Tells this tab and all others that somebody has signed in or out. */
  announce(event: SessionEvent): void;
  /** @returns what ends the listening */
  listen(listener: (event: SessionEvent) => void): () => void;
}

type Refreshed = 'yes' | 'refused' | 'unknown';

const NAME = 'latchkey-session';

/** @param url of the GraphQL endpoint */
export function createSession(url: string): Session {
  const channel = new BroadcastChannel(NAME);
  const listeners = new Set<(event: SessionEvent) => void>();
  const tell = (event: SessionEvent) => {
    for (const listener of listeners) listener(event);
  };
  // what several operations find out at the same time is told once
  let expired = false;
  const note = (event: SessionEvent) => {
    expired = event !== 'signed-in';
    tell(event);
  };
  channel.addEventListener('message', ({ data }) => note(data));
  const announce = (event: SessionEvent) => {
    if (event === 'expired' && expired) return;
    channel.postMessage(event);
    note(event);
  };

  async function renew(again: () => Promise<Response>): Promise<Response> {
    // the tokens may be new by now: nothing but an answer tells so in all tabs at the same time
    const answer = await again();
    if (!(await isUnauthenticated(answer))) return answer;
    const refreshed = await refresh(url);
    if (refreshed === 'unknown') return answer;
    // the cookies are good for nothing any more, and only the service can remove them
    if (refreshed === 'refused') await ask(url, LogoutDocument, { everywhere: false });
    const last = refreshed === 'yes' ? await again() : answer;
    if (await isUnauthenticated(last)) announce('expired');
    return last;
  }

  return {
    announce,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async fetch(input, init) {
      const again = () => fetch(input, init);
      const answer = await again();
      return (await isUnauthenticated(answer)) ? exclusively(() => renew(again)) : answer;
    },
  };
}

/** One at a time in all tabs. Browsers have no locks for pages on plain HTTP; there the service's grace has to do. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : navigator.locks.request(NAME, work);
}

async function refresh(url: string): Promise<Refreshed> {
  const answer = await ask(url, RefreshDocument, {});
  const result = answer?.data?.refresh?.__typename;
  if (result === undefined) return 'unknown';
  return result === 'RefreshSuccess' ? 'yes' : 'refused';
}

interface Answer<Data> {
  data?: Data | null;
  errors?: { extensions?: { code?: string } }[];
}

/** @returns undefined when there was no answer */
async function ask<Data, Variables extends AnyVariables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Answer<Data> | undefined> {
  const query = stringifyDocument(document);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-csrf-protection': '1' },
      body: JSON.stringify({ query, variables }),
    });
    return await response.json();
  } catch {
    return undefined;
  }
}

async function isUnauthenticated(response: Response): Promise<boolean> {
  try {
    const { errors }: Answer<unknown> = await response.clone().json();
    return errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED') ?? false;
  } catch {
    return false;
  }
}
