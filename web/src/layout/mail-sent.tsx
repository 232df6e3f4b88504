import type { ReactNode } from 'react';
import { Page } from './page.tsx';

/** Replaces a form once its answer has been mailed. */
export function MailSent({ children }: { children: ReactNode }) {
  return (
    <Page title="Check your e-mail">
      <p>{children}</p>
      <p className="hint">
        No message after a few minutes? Check your spam folder, and make sure that the address is
        correct.
      </p>
    </Page>
  );
}
