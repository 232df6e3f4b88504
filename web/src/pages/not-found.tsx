import { Link } from 'wouter';
import { Page } from '../layout/page.tsx';

export function NotFoundPage() {
  return (
    <Page title="Page not found" lead="The address may be mistyped or out of date.">
      <p>
        <Link href="/">Go to the overview</Link>
      </p>
    </Page>
  );
}
