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
  ended: 'Your session has ended. Sign in again to continue.',
};

type SignedOut = Extract<SessionEvent, { type: 'signed-out' }>;

/** All pages. A sign-in or sign-out, in this tab or another, discards all data loaded before. */
export function App() {
  const [{ client, notice, turn }, setBeginning] = useState(() => beginning('', 0));
  const begin = useCallback(
    (notice: string) => setBeginning((last) => beginning(notice, last.turn + 1)),
    [],
  );
  useEffect(
    () =>
      session.subscribe((event) => {
        // `known` reports the state from before the page was opened, so it changes nothing
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
  // keep the last known user if a later query fails
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
