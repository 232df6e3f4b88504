import { createContext, useContext } from 'react';

interface Notices {
  /** Shown on the sign-in page: why the user is signed out. */
  notice: string;
  /** Starts over as a visitor, with an empty cache, and shows this notice. */
  takeLeave(notice: string): void;
}

export const NoticeContext = createContext<Notices>({ notice: '', takeLeave: () => {} });

export function useNotice(): Notices {
  return useContext(NoticeContext);
}
