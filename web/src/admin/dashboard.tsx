import { useQuery } from 'urql';
import { Link } from 'wouter';
import { DashboardDocument, type DashboardQuery } from '../generated/admin.ts';
import { Awaited, Page } from '../layout/page.tsx';
import { Bars, Ring } from './chart.tsx';

type Figures = NonNullable<DashboardQuery['admin']>['dashboard'];

const HOURS = 24;
const HOUR_MS = 3_600_000;

/** Key figures of the service. */
export function DashboardPage() {
  const [{ data, error }] = useQuery({
    query: DashboardDocument,
    requestPolicy: 'cache-and-network',
  });
  const admin = data?.admin;
  return (
    <Page title="Dashboard" lead="Key figures of the service.">
      {admin ? (
        <>
          <FigureTiles figures={admin.dashboard} />
          <div className="charts">
            <UserRings figures={admin.dashboard} />
            <Traffic figures={admin.dashboard} times={admin.auditEvents.edges} />
          </div>
        </>
      ) : (
        <Awaited error={error} />
      )}
    </Page>
  );
}

function FigureTiles({ figures }: { figures: Figures }) {
  const tiles = [
    ['Accounts', figures.users],
    ['Active sessions', figures.activeSessions],
    ['New accounts in 24 hours', figures.registrationsLast24h],
    ['Sign-ins in 24 hours', figures.loginsLast24h],
    ['Failed sign-ins in 24 hours', figures.failedLoginsLast24h],
    ['Locked accounts', figures.lockedAccounts],
  ] as const;
  return (
    <dl className="figures">
      {tiles.map(([label, value]) => (
        <div key={label} className="card figure">
          <dt>{label}</dt>
          <dd>{value.toLocaleString('en')}</dd>
        </div>
      ))}
    </dl>
  );
}

function UserRings({ figures }: { figures: Figures }) {
  const { users, totpUsers, disabledUsers, admins } = figures;
  return (
    <section className="card">
      <h2>Accounts</h2>
      <Ring
        label="Two-factor authentication"
        parts={[
          { label: 'On', value: totpUsers, tone: 'brand' },
          { label: 'Off', value: users - totpUsers, tone: 'muted' },
        ]}
      />
      <Ring
        label="Status"
        parts={[
          { label: 'Active', value: users - disabledUsers, tone: 'good' },
          { label: 'Disabled', value: disabledUsers, tone: 'bad' },
        ]}
      />
      <p className="hint">
        Administrators: {admins.toLocaleString('en')}. <Link href="/admin/users">All users</Link>
      </p>
    </section>
  );
}

function Traffic({
  figures,
  times,
}: {
  figures: Figures;
  times: readonly { node: { at: string } }[];
}) {
  const counts = Array.from({ length: HOURS }, () => 0);
  for (const { node } of times) {
    const hoursAgo = Math.floor((Date.now() - new Date(node.at).getTime()) / HOUR_MS);
    const place = HOURS - 1 - Math.max(0, hoursAgo);
    if (place >= 0) counts[place] = (counts[place] ?? 0) + 1;
  }
  return (
    <section className="card">
      <h2>Last 24 hours</h2>
      <Ring
        label="Sign-ins"
        parts={[
          { label: 'Succeeded', value: figures.loginsLast24h, tone: 'good' },
          { label: 'Failed', value: figures.failedLoginsLast24h, tone: 'bad' },
        ]}
      />
      <p className="chart-title">
        <strong>Events by hour</strong>
        <span className="hint">of the latest {times.length}</span>
      </p>
      <Bars
        label={`Events by hour, from 24 hours ago to now: ${counts.join(', ')}`}
        values={counts}
      />
      <p className="hint">
        <Link href="/admin/audit">Audit log</Link>
      </p>
    </section>
  );
}
