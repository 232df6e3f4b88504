import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { TextAreaField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { ManagedUserDocument, type ManagedUserQuery } from '../generated/admin.ts';
import { deviceName } from '../layout/device.ts';
import { Awaited, Badge, Page, Section } from '../layout/page.tsx';
import { Time } from '../layout/time.tsx';
import { NotFoundPage } from '../pages/not-found.tsx';
import { plural } from '../session/request-problem.ts';
import { useViewer } from '../session/viewer.tsx';
import { Found } from './audit.tsx';
import { NO_JSON, parseJson } from './metadata.ts';
import { UserActs } from './user-acts.tsx';
import { useUserUpdate } from './user-update.ts';

export type ManagedUser = NonNullable<NonNullable<ManagedUserQuery['admin']>['user']>;

/** One account, for administrators to view and change. */
export function UserPage({ id }: { id: string }) {
  const [{ data, error, fetching }, reload] = useQuery({
    query: ManagedUserDocument,
    variables: { id },
    requestPolicy: 'cache-and-network',
  });
  const [{ said, changes }, setChanged] = useState({ said: '', changes: 0 });
  const user = data?.admin?.user;
  if (user === null && !fetching) return <NotFoundPage />;
  if (!user) {
    return (
      <Page title="User">
        <Awaited error={error} />
      </Page>
    );
  }
  const changed = (message: string) => {
    setChanged({ said: message, changes: changes + 1 });
    reload({ requestPolicy: 'network-only' });
  };
  return (
    <Page title={user.displayName ?? user.username ?? user.email} lead={<Badges user={user} />}>
      <p className="form-done" role="status">
        {said}
      </p>
      <Facts user={user} />
      <UserActs user={user} onDone={changed} />
      <Metadata key={`metadata ${changes}`} user={user} onDone={changed} />
      <Section title="Sessions" lead={plural(user.sessions.length, 'active session')}>
        <ul className="rows">
          {user.sessions.map(({ id: sessionId, userAgent, ipAddress, lastUsedAt }) => (
            <li key={sessionId} className="row">
              <div className="row-text">
                <strong>{deviceName(userAgent)}</strong>
                <span>{ipAddress}</span>
              </div>
              <span className="row-time">
                <Time at={lastUsedAt} relative />
              </span>
            </li>
          ))}
        </ul>
      </Section>
      <h2 className="between">Events</h2>
      <Found key={`events ${changes}`} type={null} userId={user.id} />
    </Page>
  );
}

function Badges({ user }: { user: ManagedUser }) {
  const { id } = useViewer();
  return (
    <span className="row-badges">
      {user.id === id ? <Badge>You</Badge> : null}
      {user.role === 'ADMIN' ? <Badge>Administrator</Badge> : null}
      {user.status === 'DISABLED' ? (
        <Badge tone="bad">Disabled</Badge>
      ) : (
        <Badge tone="good">Active</Badge>
      )}
      {user.totpEnabled ? <Badge tone="good">Two-factor authentication</Badge> : null}
      {user.emailVerified ? null : <Badge tone="warn">Address not confirmed</Badge>}
    </span>
  );
}

function Facts({ user }: { user: ManagedUser }) {
  return (
    <dl className="card facts">
      <dt>E-mail address</dt>
      <dd>
        {user.email}
        {user.pendingEmail === null ? null : ` (${user.pendingEmail} is not confirmed yet)`}
      </dd>
      <dt>Username</dt>
      <dd>{user.username ?? 'none'}</dd>
      <dt>ID</dt>
      <dd>
        <code>{user.id}</code>
      </dd>
      <dt>Created</dt>
      <dd>
        <Time at={user.createdAt} />
      </dd>
      <dt>Last sign-in</dt>
      <dd>{user.lastLoginAt === null ? 'never' : <Time at={user.lastLoginAt} />}</dd>
      {user.totpEnabled ? (
        <>
          <dt>Recovery codes</dt>
          <dd>{user.recoveryCodesRemaining} left</dd>
        </>
      ) : null}
      <dt>Audit log</dt>
      <dd>
        <Link href={`/admin/audit?user=${user.id}`}>All events of this account</Link>
      </dd>
    </dl>
  );
}

function Metadata({ user, onDone }: { user: ManagedUser; onDone(said: string): void }) {
  const update = useUserUpdate();
  async function save(values: Values) {
    const appMetadata = parseJson(values.text('appMetadata'));
    if (appMetadata === NO_JSON) return { appMetadata: 'This is not valid JSON.' };
    const problems = await update({ id: user.id, appMetadata });
    if (problems === undefined) onDone('The metadata has been saved.');
    return problems;
  }
  return (
    <Section
      title="Application metadata"
      lead="Data for your own application, such as roles and plans. Every access token carries it in its app claim."
    >
      <Form onSubmit={save} submitLabel="Save metadata">
        <TextAreaField
          name="appMetadata"
          label="JSON object"
          code
          defaultValue={JSON.stringify(user.appMetadata, null, 2)}
        />
      </Form>
    </Section>
  );
}
