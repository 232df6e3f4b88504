/** Whether somebody is signed in here, as far as the kit knows. In cookie mode it may not know until it has asked. */
export type SessionState = 'unknown' | 'signed-in' | 'signed-out';

/** What changed, in this tab or another. */
export type SessionEvent =
  /** The existing state is now known: from the storage, or because the service has renewed cookies of unknown state. */
  | { type: 'known' }
  /** Somebody signed in, perhaps as another user. */
  | { type: 'signed-in' }
  /** `asked`: the user signed out. `ended`: the service refused to renew the session. */
  | { type: 'signed-out'; reason: 'asked' | 'ended' };

/** Reports each sign-in and sign-out once. */
export interface SessionWatch {
  state(): SessionState;
  subscribe(listener: (event: SessionEvent) => void): () => void;
  /** Sets the existing state, unless it is already known. */
  found(login: string | null): void;
  signedIn(login: string): void;
  signedOut(reason: 'asked' | 'ended'): void;
}

export function createSessionWatch(): SessionWatch {
  const listeners = new Set<(event: SessionEvent) => void>();
  let state: SessionState = 'unknown';
  let login: string | null = null;

  const tell = (event: SessionEvent) => {
    for (const listener of [...listeners]) listener(event);
  };
  return {
    state: () => state,
    subscribe(listener) {
      // wrapped, so that subscribing the same function twice makes two subscriptions
      const own = (event: SessionEvent) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    found(current) {
      if (state !== 'unknown') return;
      state = current === null ? 'signed-out' : 'signed-in';
      login = current;
      tell({ type: 'known' });
    },
    signedIn(current) {
      if (state === 'signed-in' && login === current) return;
      state = 'signed-in';
      login = current;
      tell({ type: 'signed-in' });
    },
    signedOut(reason) {
      if (state === 'signed-out') return;
      state = 'signed-out';
      login = null;
      tell({ type: 'signed-out', reason });
    },
  };
}
