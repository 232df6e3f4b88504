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
  const [{ client, notice }, begin] = useState(() => ({ client: createClient(), notice: '' }));
  useEffect(
    () => session.listen((event) => begin({ client: createClient(), notice: NOTICES[event] })),
    [],
  );
  return (
    <Router base={settings.base}>
      <Provider value={client}>
        <NoticeContext value={notice}>
          <WithViewer>
            <Pages />
          </WithViewer>
        </NoticeContext>
      </Provider>
    </Router>
  );
}

function WithViewer({ children }: { children: ReactNode }) {
  const [{ data, error, fetching }] = useQuery({ query: MeDocument });
  if (data === undefined || (fetching && data.me === null)) {
    return (
      <Entrance>
        <Awaited error={fetching ? undefined : error} />
      </Entrance>
    );
  }
  return <ViewerContext value={data.me}>{children}</ViewerContext>;
}
