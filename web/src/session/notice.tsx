import { createContext, useContext } from 'react';

interface Notices {
  /** Why the person has to sign in, where they did not ask to. */
  notice: string;
  /** Begins anew for a visitor who is told this. */
  takeLeave(notice: string): void;
}

export const NoticeContext = createContext<Notices>({ notice: '', takeLeave: () => {} });

export function useNotice(): Notices {
  return useContext(NoticeContext);
}
