import { lazy, type ReactNode, Suspense } from 'react';
import { Redirect, Route, Switch, useLocation, useSearchParams } from 'wouter';
import { Loading } from './layout/page.tsx';
import { Shell } from './layout/shell.tsx';
import { ActivityPage } from './pages/activity.tsx';
import { AcceptInvitationPage, ResetPasswordPage } from './pages/choose-password.tsx';
import { DataPage } from './pages/data.tsx';
import { ForgottenPasswordPage } from './pages/forgotten-password.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ProfilePage } from './pages/profile.tsx';
import { RegisterPage } from './pages/register.tsx';
import { SecurityPage } from './pages/security.tsx';
import { SessionsPage } from './pages/sessions.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { UndoEmailChangePage, VerifyEmailPage } from './pages/verify-email.tsx';
import { useVisitor } from './session/viewer.tsx';

// loaded on demand, so that only administrators download it
const Administration = lazy(() => import('./admin/administration.tsx'));

/** Maps paths to pages. */
export function Pages() {
  return (
    <Switch>
      <Route path="/sign-in">
        <ForVisitors>
          <SignInPage />
        </ForVisitors>
      </Route>
      <Route path="/register">
        <ForVisitors>
          <RegisterPage />
        </ForVisitors>
      </Route>
      <Route path="/forgotten-password" component={ForgottenPasswordPage} />
      <Route path="/reset-password" component={ResetPasswordPage} />
      <Route path="/accept-invitation" component={AcceptInvitationPage} />
      <Route path="/verify-email" component={VerifyEmailPage} />
      <Route path="/undo-email-change" component={UndoEmailChangePage} />
      <Route>
        <ForViewers>
          <AccountPages />
        </ForViewers>
      </Route>
    </Switch>
  );
}

function AccountPages() {
  return (
    <Shell>
      <Switch>
        <Route path="/" component={OverviewPage} />
        <Route path="/profile" component={ProfilePage} />
        <Route path="/security" component={SecurityPage} />
        <Route path="/sessions" component={SessionsPage} />
        <Route path="/activity" component={ActivityPage} />
        <Route path="/data" component={DataPage} />
        <Route path="/admin/*?">
          <ForAdministrators>
            <Suspense fallback={<Loading />}>
              <Administration />
            </Suspense>
          </ForAdministrators>
        </Route>
        <Route component={NotFoundPage} />
      </Switch>
    </Shell>
  );
}

/** Redirects users who are already signed in to the page they wanted. */
function ForVisitors({ children }: { children: ReactNode }) {
  const [search] = useSearchParams();
  return useVisitor() === null ? children : <Redirect to={ownPath(search.get('next'))} replace />;
}

function ForViewers({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  if (useVisitor() !== null) return children;
  const next = path === '/' ? '' : `?next=${encodeURIComponent(path)}`;
  return <Redirect to={`/sign-in${next}`} replace />;
}

function ForAdministrators({ children }: { children: ReactNode }) {
  return useVisitor()?.role === 'ADMIN' ? children : <NotFoundPage />;
}

/** Accepts only paths on this origin, so that a crafted link cannot redirect the user to another site. */
function ownPath(path: string | null): string {
  return path !== null && /^\/(?![/\\])/.test(path) ? path : '/';
}
