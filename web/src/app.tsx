import { type ReactNode, useEffect, useState } from 'react';
import { Provider, useQuery } from 'urql';
import { Router } from 'wouter';
import { MeDocument } from './generated/account.ts';
import { Entrance } from './layout/entrance.tsx';
import { Awaited } from './layout/page.tsx';
import { Pages } from './pages.tsx';
import { createClient, session } from './session/client.tsx';
import { NoticeContext } from './session/notice.tsx';
import type { SessionEvent } from './session/session.ts';
import { settings } from './session/settings.ts';
import { ViewerContext } from './session/viewer.tsx';

const NOTICES: Record<SessionEvent, string> = {
  'signed-in': '',
  'signed-out': 'You are signed out.',
  deleted: 'Your account has been deleted.',
  'password-chosen': 'Your password is set. Sign in with it.',
  'address-restored':
    'Your address is back, and everybody is signed out. We have sent you a link to choose another password.',
  expired: 'Your session has ended. Sign in again to go on.',
};

/** All pages. Whoever signs in or out, in this tab or another, begins with nothing that was read before. */
export function App() {
  const [{ client, notice, turn }, begin] = useState(() => beginning('', 0));
  useEffect(
    () => session.listen((event) => begin((last) => beginning(NOTICES[event], last.turn + 1))),
    [],
  );
  return (
    <Router base={settings.base}>
      <Provider key={turn} value={client}>
        <NoticeContext value={notice}>
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
