import { useState } from 'react';
import { useQuery } from 'urql';
import { ActivityDocument } from '../generated/account.ts';
import { EventItem } from '../layout/event.tsx';
import { Awaited, Page } from '../layout/page.tsx';
import { Pager } from '../layout/pager.tsx';

const PAGE_SIZE = 20;

/** The security events of the user's account. */
export function ActivityPage() {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const [{ data, error }] = useQuery({
    query: ActivityDocument,
    variables: { first: PAGE_SIZE, after: cursors.at(-1) ?? null },
    requestPolicy: 'cache-and-network',
  });
  const events = data?.me?.auditEvents;
  return (
    <Page
      title="Activity"
      lead="Everything that affected the security of your account. If something here was not you, change your password."
    >
      {events === undefined ? (
        <Awaited error={error} />
      ) : (
        <>
          <ul className="rows card">
            {events.edges.map(({ node }) => (
              <EventItem key={node.id} event={node} />
            ))}
          </ul>
          <Pager cursors={cursors} onChange={setCursors} {...events.pageInfo} />
        </>
      )}
    </Page>
  );
}
