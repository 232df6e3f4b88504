import { useState } from 'react';
import { useQuery } from 'urql';
import { Link, useSearchParams } from 'wouter';
import { SelectField, TextField } from '../form/fields.tsx';
import { Filters } from '../form/filters.tsx';
import {
  AuditEventsDocument,
  type AuditEventsQuery,
  type AuditEventType,
} from '../generated/admin.ts';
import { AUDIT_EVENT_TYPES } from '../generated/audit-event-types.ts';
import { EventItem, eventTitle } from '../layout/event.tsx';
import { Awaited, Page } from '../layout/page.tsx';
import { Pager } from '../layout/pager.tsx';

const PAGE_SIZE = 20;

const TYPES = [
  ['', 'All events'] as const,
  ...AUDIT_EVENT_TYPES.map((type) => [type, eventTitle(type)] as const),
];

type Event = NonNullable<AuditEventsQuery['admin']>['auditEvents']['edges'][number]['node'];

/** The audit log of all users. */
export function AuditPage() {
  const [search] = useSearchParams();
  return (
    <Page title="Audit log" lead="All recorded events, newest first.">
      <Filters submitLabel="Filter">
        <SelectField name="type" label="Event" options={TYPES} optional quiet />
        <TextField
          name="user"
          label="User ID"
          autoComplete="off"
          spellCheck={false}
          optional
          quiet
        />
      </Filters>
      <Found
        key={`${search}`}
        type={search.get('type') as AuditEventType | null}
        userId={search.get('user')}
      />
    </Page>
  );
}

/** The events of all users or of one user. */
export function Found(props: { type: AuditEventType | null; userId: string | null }) {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const [{ data, error }] = useQuery({
    query: AuditEventsDocument,
    variables: { first: PAGE_SIZE, after: cursors.at(-1) ?? null, ...props },
    requestPolicy: 'cache-and-network',
  });
  const events = data?.admin?.auditEvents;
  if (events === undefined) return <Awaited error={error} />;
  if (events.edges.length === 0) return <p className="hint">No events found.</p>;
  return (
    <>
      <ul className="rows card">
        {events.edges.map(({ node }) => (
          <EventItem key={node.id} event={node}>
            {props.userId === null ? <Whose event={node} /> : null}
          </EventItem>
        ))}
      </ul>
      <Pager cursors={cursors} onChange={setCursors} {...events.pageInfo} />
    </>
  );
}

function Whose({ event: { userId, actorId } }: { event: Event }) {
  if (userId === null) return null;
  return (
    <span>
      Account <Link href={`/admin/users/${userId}`}>{userId}</Link>
      {actorId === null || actorId === userId ? null : (
        <>
          , by <Link href={`/admin/users/${actorId}`}>{actorId}</Link>
        </>
      )}
    </span>
  );
}
