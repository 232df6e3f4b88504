import { Link } from 'wouter';
import { Entrance } from '../layout/entrance.tsx';
import { Page } from '../layout/page.tsx';

export function ForgottenPasswordPage() {
  return (
    <Entrance foot={<Link href="/sign-in">Back to signing in</Link>}>
      <Page title="Forgotten password" />
    </Entrance>
  );
}
