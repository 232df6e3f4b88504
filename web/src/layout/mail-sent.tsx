import type { ReactNode } from 'react';
import { Page } from './page.tsx';

/** Replaces a form once its answer has been mailed. */
export function MailSent({ children }: { children: ReactNode }) {
  return (
    <Page title="Look into your mail">
      <p>{children}</p>
      <p className="hint">
        Nothing there after some minutes? Look among the unwanted mail, and check the address.
      </p>
    </Page>
  );
}
