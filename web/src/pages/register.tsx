import { useState } from 'react';
import { Link } from 'wouter';
import { NewPasswordField, TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { inputProblems, type Problems, unreachable } from '../form/problems.ts';
import { RegisterDocument } from '../generated/account.ts';
import { Entrance } from '../layout/entrance.tsx';
import { MailSent } from '../layout/mail-sent.tsx';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { settings } from '../session/settings.ts';

/** Registration of a new account. */
export function RegisterPage() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const foot = (
    <p>
      Already have an account? <Link href="/sign-in">Sign in</Link>
    </p>
  );
  if (settings.registration === 'closed') {
    return (
      <Entrance foot={foot}>
        <Page title="By invitation only">
          <p>Only administrators can create accounts here. Ask one for an invitation.</p>
        </Page>
      </Entrance>
    );
  }
  if (sentTo !== null) {
    return (
      <Entrance foot={foot}>
        <MailSent>
          We have sent a message to <strong>{sentTo}</strong>. Open the link in it to continue.
        </MailSent>
      </Entrance>
    );
  }
  return (
    <Entrance foot={foot}>
      <Page title="Create an account">
        <RegisterForm onSent={setSentTo} />
      </Page>
    </Entrance>
  );
}

function RegisterForm({ onSent }: { onSent(email: string): void }) {
  const { mutate } = useAsk();
  async function create(values: Values): Promise<Problems | undefined> {
    const { register } = await mutate(RegisterDocument, {
      input: {
        email: values.text('email'),
        password: values.text('password'),
        username: values.optional('username'),
        displayName: values.optional('displayName'),
        cookies: true,
      },
    });
    switch (register.__typename) {
      case 'RegisterSuccess':
        return undefined;
      case 'VerificationSent':
        onSent(register.email);
        return undefined;
      case 'InvalidInput':
        return inputProblems(register.fields);
      case 'EmailTaken':
        return { email: 'An account with this address already exists. Sign in instead.' };
      case 'UsernameTaken':
        return { username: 'This username is taken. Choose another.' };
      default:
        return unreachable(register);
    }
  }
  return (
    <Form onSubmit={create} submitLabel="Create account">
      <TextField name="email" label="E-mail address" type="email" autoComplete="email" />
      <NewPasswordField name="password" label="Password" />
      <TextField
        name="username"
        label="Username"
        autoComplete="username"
        optional
        hint="You can sign in with it instead of your e-mail address. Other users may see it."
        spellCheck={false}
      />
      <TextField
        name="displayName"
        label="Name"
        autoComplete="name"
        optional
        hint="Other users may see it."
      />
    </Form>
  );
}
