import { useState } from 'react';
import { useQuery } from 'urql';
import { useLocation } from 'wouter';
import { unreachable } from '../form/problems.ts';
import {
  LogoutDocument,
  RevokeSessionDocument,
  SessionsDocument,
  type SessionsQuery,
} from '../generated/account.ts';
import { deviceName } from '../layout/device.ts';
import { Icon } from '../layout/icon.tsx';
import { Awaited, Badge, Page } from '../layout/page.tsx';
import { Time } from '../layout/time.tsx';
import { useAsk } from '../session/client.tsx';
import { problemIn } from '../session/request-problem.ts';

type SessionRow = NonNullable<SessionsQuery['me']>['sessions'][number];

/** The user's sessions. */
export function SessionsPage() {
  const [{ data, error }, reload] = useQuery({
    query: SessionsDocument,
    requestPolicy: 'cache-and-network',
  });
  const [said, setSaid] = useState('');
  const sessions = data?.me?.sessions;
  const renew = (message: string) => {
    setSaid(message);
    reload({ requestPolicy: 'network-only' });
  };
  return (
    <Page
      title="Sessions"
      lead="Where you are signed in. End any session that you do not recognise."
    >
      <p className="form-done" role="status">
        {said}
      </p>
      {sessions === undefined ? (
        <Awaited error={error} />
      ) : (
        <ul className="rows card">
          {sessions.map((row) => (
            <SessionItem key={row.id} row={row} onChange={renew} />
          ))}
        </ul>
      )}
      {sessions !== undefined && sessions.length > 1 ? <EndAll /> : null}
    </Page>
  );
}

function SessionItem({ row, onChange }: { row: SessionRow; onChange(said: string): void }) {
  const { mutate } = useAsk();
  const device = deviceName(row.userAgent);
  async function end() {
    const failed = await problemIn(async () => {
      const { revokeSession } = await mutate(RevokeSessionDocument, { id: row.id });
      switch (revokeSession.__typename) {
        case 'RevokeSessionSuccess':
          return onChange(`Session ended: ${device}.`);
        case 'NotFound':
          return onChange('This session had already ended.');
        default:
          return unreachable(revokeSession);
      }
    });
    if (failed !== undefined) onChange(failed);
  }
  return (
    <li className="row">
      <Icon name="devices" />
      <div className="row-text">
        <strong>
          {device} {row.current ? <Badge tone="good">This device</Badge> : null}
        </strong>
        <span>
          {row.ipAddress ?? 'unknown IP address'} · last used <Time at={row.lastUsedAt} relative />
        </span>
        <span>
          Signed in <Time at={row.createdAt} />
          {row.remembered ? ', stays signed in' : ''}
        </span>
      </div>
      {row.current ? null : (
        <button
          type="button"
          className="button"
          onClick={end}
          aria-label={`End session: ${device}`}
        >
          End
        </button>
      )}
    </li>
  );
}

function EndAll() {
  const { mutate } = useAsk();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState('');
  async function endAll() {
    const failed = await problemIn(() => mutate(LogoutDocument, { everywhere: true }));
    if (failed !== undefined) return setProblem(failed);
    navigate('/sign-in');
  }
  return (
    <div className="page-actions">
      <button type="button" className="button danger" onClick={endAll}>
        Sign out everywhere
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
