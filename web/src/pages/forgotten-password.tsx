import { useState } from 'react';
import { Link } from 'wouter';
import { TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { RequestPasswordResetDocument } from '../generated/account.ts';
import { Entrance } from '../layout/entrance.tsx';
import { MailSent } from '../layout/mail-sent.tsx';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';

/** Requests a link to reset the password. */
export function ForgottenPasswordPage() {
  const { mutate } = useAsk();
  const [sentTo, setSentTo] = useState<string | null>(null);
  async function ask(values: Values) {
    const email = values.text('email').trim();
    await mutate(RequestPasswordResetDocument, { input: { email } });
    setSentTo(email);
    return undefined;
  }
  const foot = <Link href="/sign-in">Back to sign-in</Link>;
  if (sentTo !== null) {
    return (
      <Entrance foot={foot}>
        <MailSent>
          If there is an account with the address <strong>{sentTo}</strong>, we have sent it a link
          to choose a new password.
        </MailSent>
      </Entrance>
    );
  }
  return (
    <Entrance foot={foot}>
      <Page
        title="Reset your password"
        lead="Enter the e-mail address of your account, and we will send you a link to choose a new password."
      >
        <Form onSubmit={ask} submitLabel="Send link">
          <TextField name="email" label="E-mail address" type="email" autoComplete="email" />
        </Form>
      </Page>
    </Entrance>
  );
}
