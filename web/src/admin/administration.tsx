import { Route, Switch } from 'wouter';
import { NotFoundPage } from '../pages/not-found.tsx';
import { AuditPage } from './audit.tsx';
import { DashboardPage } from './dashboard.tsx';
import { NewUserPage } from './new-user.tsx';
import { UserPage } from './user.tsx';
import { UsersPage } from './users.tsx';

/** The admin pages, which only administrators load. */
export default function Administration() {
  return (
    <Switch>
      <Route path="/admin" component={DashboardPage} />
      <Route path="/admin/users" component={UsersPage} />
      <Route path="/admin/users/new" component={NewUserPage} />
      <Route path="/admin/users/:id">{({ id }) => <UserPage key={id} id={id} />}</Route>
      <Route path="/admin/audit" component={AuditPage} />
      <Route component={NotFoundPage} />
    </Switch>
  );
}
