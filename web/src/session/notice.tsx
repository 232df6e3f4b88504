import { createContext, useContext } from 'react';

/** Why the person has to sign in, where they did not ask to. */
export const NoticeContext = createContext('');

export function useNotice(): string {
  return useContext(NoticeContext);
}
