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
      You have an account? <Link href="/sign-in">Sign in</Link>
    </p>
  );
  if (settings.registration === 'closed') {
    return (
      <Entrance foot={foot}>
        <Page title="By invitation only">
          <p>Accounts are made by an administrator here. Ask one for an invitation.</p>
        </Page>
      </Entrance>
    );
  }
  if (sentTo !== null) {
    return (
      <Entrance foot={foot}>
        <MailSent>
          We have written to <strong>{sentTo}</strong>. Open the link in the message to go on.
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
        return { email: 'An account with this address exists already. Sign in to it instead.' };
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
        hint="To sign in by, instead of the address. Others may see it."
        spellCheck={false}
      />
      <TextField
        name="displayName"
        label="Name"
        autoComplete="name"
        optional
        hint="As others see you."
      />
    </Form>
  );
}
