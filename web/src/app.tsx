import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { Provider, useQuery } from 'urql';
import { Router } from 'wouter';
import type { SessionEvent } from '../../packages/client/src/index.ts';
import { MeDocument } from './generated/account.ts';
import { Entrance } from './layout/entrance.tsx';
import { Awaited } from './layout/page.tsx';
import { Pages } from './pages.tsx';
import { createClient, session } from './session/client.tsx';
import { NoticeContext } from './session/notice.tsx';
import { settings } from './session/settings.ts';
import { ViewerContext } from './session/viewer.tsx';

const NOTICES: Record<SignedOut['reason'], string> = {
  asked: 'You are signed out.',
  ended: 'Your session has ended. Sign in again to go on.',
};

type SignedOut = Extract<SessionEvent, { type: 'signed-out' }>;

/** All pages. Whoever signs in or out, in this tab or another, begins with nothing that was read before. */
export function App() {
  const [{ client, notice, turn }, setBeginning] = useState(() => beginning('', 0));
  const begin = useCallback(
    (notice: string) => setBeginning((last) => beginning(notice, last.turn + 1)),
    [],
  );
  useEffect(
    () =>
      session.subscribe((event) => {
        // what was so before this page was opened is no change
        if (event.type !== 'known') begin(event.type === 'signed-in' ? '' : NOTICES[event.reason]);
      }),
    [begin],
  );
  return (
    <Router base={settings.base}>
      <Provider key={turn} value={client}>
        <NoticeContext value={{ notice, takeLeave: begin }}>
          <WithViewer>
            <Pages />
          </WithViewer>
        </NoticeContext>
      </Provider>
    </Router>
  );
}

function beginning(notice: string, turn: number) {
  return { client: createClient(), notice, turn };
}

function WithViewer({ children }: { children: ReactNode }) {
  const [{ data, error, fetching }] = useQuery({ query: MeDocument });
  const [known, setKnown] = useState(data);
  // who is signed in is not forgotten because it could not be asked again
  if (data !== undefined && data !== known) setKnown(data);
  if (known === undefined) {
    return (
      <Entrance>
        <Awaited error={fetching ? undefined : error} />
      </Entrance>
    );
  }
  return <ViewerContext value={known.me}>{children}</ViewerContext>;
}
