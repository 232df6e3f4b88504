import { createContext, useContext } from 'react';
import type { ViewerFragment } from '../generated/account.ts';

/** The signed-in user. */
export type Viewer = ViewerFragment;

export const ViewerContext = createContext<Viewer | null>(null);

/** The signed-in user, or `null`: for pages that visitors may open. */
export function useVisitor(): Viewer | null {
  return useContext(ViewerContext);
}

/** The signed-in user: for pages that require a sign-in. */
export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (viewer === null) throw new Error('This page is for people who are signed in.');
  return viewer;
}
