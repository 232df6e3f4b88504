import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { Icon, type IconName } from '../layout/icon.tsx';
import { Page } from '../layout/page.tsx';
import { Day, Time } from '../layout/time.tsx';
import { plural } from '../session/request-problem.ts';
import { useViewer, type Viewer } from '../session/viewer.tsx';

/** The start page: the state of the account, with links to the other pages. */
export function OverviewPage() {
  const viewer = useViewer();
  const name = viewer.displayName ?? viewer.username;
  return (
    <Page title={name === null ? 'Welcome' : `Hello, ${name}`} lead={<Since viewer={viewer} />}>
      {viewer.phrase === null ? null : (
        <p className="phrase">
          Your anti-phishing phrase: <strong>{viewer.phrase}</strong>
          <span>If a message claims to be from us but does not show it, do not trust it.</span>
        </p>
      )}
      <ul className="tiles">
        <MailTile viewer={viewer} />
        <CodeTile viewer={viewer} />
        <Tile to="/sessions" icon="devices" title="Sessions" tone="plain">
          See where you are signed in, and sign out other devices
        </Tile>
        <Tile to="/activity" icon="clock" title="Activity" tone="plain">
          {viewer.lastLoginAt === null ? (
            'See what has happened in your account'
          ) : (
            <LastSeen {...viewer} />
          )}
        </Tile>
      </ul>
    </Page>
  );
}

function Since({ viewer }: { viewer: Viewer }) {
  return (
    <>
      {viewer.email} · account created on <Day at={viewer.createdAt} />
    </>
  );
}

function LastSeen({ lastLoginAt }: { lastLoginAt: string | null }) {
  return lastLoginAt === null ? null : (
    <>
      Last sign-in: <Time at={lastLoginAt} relative />
    </>
  );
}

function MailTile({ viewer }: { viewer: Viewer }) {
  return viewer.emailVerified ? (
    <Tile to="/profile" icon="check" title="E-mail address" tone="good">
      Confirmed
    </Tile>
  ) : (
    <Tile to="/profile" icon="mail" title="E-mail address" tone="warn">
      Not confirmed yet
    </Tile>
  );
}

function CodeTile({ viewer }: { viewer: Viewer }) {
  const { totpEnabled, recoveryCodesRemaining: left } = viewer;
  if (!totpEnabled) {
    return (
      <Tile to="/security" icon="shield" title="Two-factor authentication" tone="warn">
        Off: anyone who knows your password can sign in
      </Tile>
    );
  }
  return (
    <Tile
      to="/security"
      icon="shield"
      title="Two-factor authentication"
      tone={left < 3 ? 'warn' : 'good'}
    >
      On, with {plural(left, 'recovery code')} left
    </Tile>
  );
}

function Tile(props: {
  to: string;
  icon: IconName;
  title: string;
  tone: 'good' | 'warn' | 'plain';
  children: ReactNode;
}) {
  const { to, icon, title, tone, children } = props;
  return (
    <li>
      <Link href={to} className={`tile ${tone}`}>
        <Icon name={icon} />
        <strong>{title}</strong>
        <span>{children}</span>
      </Link>
    </li>
  );
}
