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
  /** Notes that an operation has brought new tokens. */
  renewed(): void;
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
    startNextTokens();
    channel.postMessage(event);
    note(event);
  };

  /** Refreshes, unless another tab or operation has done so since the tokens were those of `sentWith`. */
  async function refreshOnce(sentWith: string): Promise<Refreshed> {
    return exclusively(async () => {
      if (currentTokens() !== sentWith) return 'yes';
      const refreshed = await refresh(url);
      if (refreshed !== 'unknown') startNextTokens();
      // the cookies are good for nothing any more, and only the service can remove them
      if (refreshed === 'refused') await ask(url, 'mutation Forget { logout { endedSessions } }');
      return refreshed;
    });
  }

  return {
    announce,
    renewed: startNextTokens,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async fetch(input, init) {
      const sentWith = currentTokens();
      const answer = await fetch(input, init);
      if (!(await isUnauthenticated(answer))) return answer;
      const refreshed = await refreshOnce(sentWith);
      if (refreshed === 'unknown') return answer;
      const again = refreshed === 'yes' ? await fetch(input, init) : answer;
      if (refreshed === 'refused' || (await isUnauthenticated(again))) announce('expired');
      return again;
    },
  };
}

/** A word for the tokens that the cookies hold now, the same in all tabs. It changes whenever they do. */
function currentTokens(): string {
  return localStorage.getItem(NAME) ?? '';
}

function startNextTokens(): void {
  localStorage.setItem(NAME, crypto.getRandomValues(new Uint32Array(2)).join('-'));
}

/** One at a time in all tabs. Browsers have no locks for pages on plain HTTP; there the service's grace has to do. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : navigator.locks.request(NAME, work);
}

async function refresh(url: string): Promise<Refreshed> {
  const answer = await ask(url, 'mutation Refresh { refresh { __typename } }');
  const result = answer?.data?.refresh?.__typename;
  if (result === undefined) return 'unknown';
  return result === 'RefreshSuccess' ? 'yes' : 'refused';
}

interface Answer {
  data?: { refresh?: { __typename: string } } | null;
  errors?: { extensions?: { code?: string } }[];
}

/** @returns undefined when there was no answer */
async function ask(url: string, query: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-csrf-protection': '1' },
      body: JSON.stringify({ query }),
    });
    return await response.json();
  } catch {
    return undefined;
  }
}

async function isUnauthenticated(response: Response): Promise<boolean> {
  try {
    const { errors }: Answer = await response.clone().json();
    return errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED') ?? false;
  } catch {
    return false;
  }
}
