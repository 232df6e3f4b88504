import type { ReactNode } from 'react';
import { Page } from './page.tsx';

/** Stands in the place of a form whose answer comes by mail. */
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
