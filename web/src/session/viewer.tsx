import { createContext, useContext } from 'react';
import type { ViewerFragment } from '../generated/account.ts';

/** The person who is signed in. */
export type Viewer = ViewerFragment;

export const ViewerContext = createContext<Viewer | null>(null);

/** Who is signed in, on pages that anybody may open. */
export function useVisitor(): Viewer | null {
  return useContext(ViewerContext);
}

/** Who is signed in, on pages that are shown to nobody else. */
export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (viewer === null) throw new Error('This page is for people who are signed in.');
  return viewer;
}
