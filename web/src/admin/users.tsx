import { useState } from 'react';
import { useQuery } from 'urql';
import { Link, useSearchParams } from 'wouter';
import { SelectField, TextField } from '../form/fields.tsx';
import { Filters } from '../form/filters.tsx';
import { type Role, type UserStatus, UsersDocument, type UsersQuery } from '../generated/admin.ts';
import { Awaited, Badge, Page } from '../layout/page.tsx';
import { Pager } from '../layout/pager.tsx';
import { Day } from '../layout/time.tsx';
import { plural } from '../session/request-problem.ts';

const PAGE_SIZE = 20;

const ROLES = [
  ['', 'Any role'],
  ['USER', 'Users'],
  ['ADMIN', 'Administrators'],
] as const;

const STATUSES = [
  ['', 'Any status'],
  ['ACTIVE', 'Active'],
  ['DISABLED', 'Disabled'],
] as const;

type Listed = NonNullable<UsersQuery['admin']>['users'];
type Row = Listed['edges'][number]['node'];

/** The list of all accounts, with search, filters and paging. */
export function UsersPage() {
  const [search] = useSearchParams();
  return (
    <Page title="Users" action={<NewUserLink />}>
      <Filters submitLabel="Search">
        <TextField name="search" label="Search" type="search" autoComplete="off" optional quiet />
        <SelectField name="role" label="Role" options={ROLES} optional quiet />
        <SelectField name="status" label="Status" options={STATUSES} optional quiet />
      </Filters>
      <Found key={search.toString()} search={search} />
    </Page>
  );
}

function NewUserLink() {
  return (
    <Link href="/admin/users/new" className="button primary">
      New user
    </Link>
  );
}

function Found({ search }: { search: URLSearchParams }) {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const [{ data, error }] = useQuery({
    query: UsersDocument,
    variables: {
      first: PAGE_SIZE,
      after: cursors.at(-1) ?? null,
      search: search.get('search'),
      role: search.get('role') as Role | null,
      status: search.get('status') as UserStatus | null,
      // no total for a text search: counting its results would scan every account
      counted: !search.get('search'),
    },
    requestPolicy: 'cache-and-network',
  });
  const users = data?.admin?.users;
  if (users === undefined) return <Awaited error={error} />;
  return (
    <>
      <p className="hint" role="status">
        {countOf(users, cursors.length === 0)}
      </p>
      {users.edges.length === 0 ? null : (
        <ul className="rows card">
          {users.edges.map(({ node }) => (
            <UserRow key={node.id} user={node} />
          ))}
        </ul>
      )}
      <Pager cursors={cursors} onChange={setCursors} {...users.pageInfo} />
    </>
  );
}

function countOf({ totalCount, edges, pageInfo }: Listed, isFirstPage: boolean): string {
  const isAll = isFirstPage && !pageInfo.hasNextPage;
  const count = totalCount ?? (isAll ? edges.length : undefined);
  if (count !== undefined) return `${plural(count, 'account')} found`;
  return `${plural(edges.length, 'account')} on this page`;
}

function UserRow({ user }: { user: Row }) {
  const name = user.displayName ?? user.username ?? user.email;
  return (
    <li className="row">
      <span className="avatar" aria-hidden="true">
        {name.charAt(0).toUpperCase()}
      </span>
      <div className="row-text">
        <Link href={`/admin/users/${user.id}`} className="row-link">
          {name}
        </Link>
        <span>
          {user.email}
          {user.username === null ? null : ` · ${user.username}`}
        </span>
      </div>
      <span className="row-badges">
        {user.role === 'ADMIN' ? <Badge>Administrator</Badge> : null}
        {user.status === 'DISABLED' ? <Badge tone="bad">Disabled</Badge> : null}
        {user.totpEnabled ? <Badge tone="good">Two-factor</Badge> : null}
      </span>
      <span className="row-time">
        <Day at={user.createdAt} />
      </span>
    </li>
  );
}
