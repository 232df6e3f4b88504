import { type ReactNode, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { LogoutDocument } from '../generated/account.ts';
import { useAsk } from '../session/client.tsx';
import { problemIn } from '../session/request-problem.ts';
import { useViewer, type Viewer } from '../session/viewer.tsx';
import { Brand } from './brand.tsx';
import { Icon, type IconName } from './icon.tsx';

type Destination = readonly [path: string, label: string, icon: IconName];

const OWN: readonly Destination[] = [
  ['/', 'Overview', 'home'],
  ['/profile', 'Profile', 'person'],
  ['/security', 'Security', 'shield'],
  ['/sessions', 'Sessions', 'devices'],
  ['/activity', 'Activity', 'clock'],
  ['/data', 'Your data', 'box'],
];

const ADMINISTRATION: readonly Destination[] = [
  ['/admin', 'Dashboard', 'chart'],
  ['/admin/users', 'Users', 'people'],
  ['/admin/audit', 'Audit log', 'list'],
];

/** The frame of the pages for signed-in users. */
export function Shell({ children }: { children: ReactNode }) {
  const viewer = useViewer();
  const [path] = useLocation();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes on navigation
  useEffect(() => setOpen(false), [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="bar">
        <Link href="/" className="bar-brand">
          <Brand />
        </Link>
        <button
          type="button"
          className="button menu-button"
          aria-expanded={open}
          aria-controls="menu"
          onClick={() => setOpen(!open)}
        >
          Menu
        </button>
      </header>
      <div id="menu" className={open ? 'side open' : 'side'}>
        <nav aria-label="Account">
          <Destinations of={OWN} />
        </nav>
        {viewer.role === 'ADMIN' ? (
          <nav aria-label="Administration">
            <p className="side-title">Administration</p>
            <Destinations of={ADMINISTRATION} />
          </nav>
        ) : null}
        <SignedInAs viewer={viewer} />
      </div>
      <main id="content" className="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Destinations({ of }: { of: readonly Destination[] }) {
  const [path] = useLocation();
  const current = [...of]
    .filter(([to]) => path === to || (to !== '/' && path.startsWith(`${to}/`)))
    .sort(([one], [other]) => other.length - one.length)[0];
  return (
    <ul className="destinations">
      {of.map((destination) => {
        const [to, label, icon] = destination;
        return (
          <li key={to}>
            <Link href={to} aria-current={destination === current ? 'page' : undefined}>
              <Icon name={icon} />
              {label}
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

function SignedInAs({ viewer }: { viewer: Viewer }) {
  const { mutate } = useAsk();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState('');
  const name = viewer.displayName ?? viewer.username;
  async function signOut() {
    setProblem('');
    const failed = await problemIn(() => mutate(LogoutDocument, { everywhere: false }));
    // nobody should believe they are signed out when they are not
    if (failed !== undefined) return setProblem(`You are still signed in. ${failed}`);
    navigate('/sign-in');
  }
  return (
    <section className="signed-in-as" aria-label="Signed in as">
      <p>
        {name === null ? null : <strong>{name}</strong>}
        <span>{viewer.email}</span>
      </p>
      <button type="button" className="button" onClick={signOut}>
        Sign out
      </button>
      {problem === '' ? null : (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}
