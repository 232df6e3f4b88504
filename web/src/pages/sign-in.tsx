import { useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { CheckField, CodeField, type CodeKind, PasswordField, TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { formProblem, type Problems, unreachable } from '../form/problems.ts';
import { CompleteLoginDocument, LoginDocument } from '../generated/account.ts';
import { Entrance } from '../layout/entrance.tsx';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { useNotice } from '../session/notice.tsx';
import { inTime } from '../session/request-problem.ts';
import { settings } from '../session/settings.ts';

/** Sign-in with the password, and a code if the account has two-factor authentication. */
export function SignInPage() {
  const [challenge, setChallenge] = useState<string | null>(null);
  const [problem, setProblem] = useState('');
  const { notice } = useNotice();
  if (challenge !== null) {
    const startAgain = (reason: string) => {
      setProblem(reason);
      setChallenge(null);
    };
    return (
      <Entrance>
        <CodeStep challenge={challenge} onOver={startAgain} />
      </Entrance>
    );
  }
  return (
    <Entrance foot={settings.registration === 'closed' ? undefined : <RegisterLink />}>
      <Page title="Sign in" toField>
        {problem || notice ? (
          <div className={problem ? 'notice danger' : 'notice'} role="status">
            <p>{problem || notice}</p>
          </div>
        ) : null}
        <PasswordStep onChallenge={setChallenge} />
      </Page>
    </Entrance>
  );
}

function RegisterLink() {
  const [search] = useSearchParams();
  return (
    <p>
      New here?{' '}
      <Link href={`/register${search.size > 0 ? `?${search}` : ''}`}>Create an account</Link>
    </p>
  );
}

function PasswordStep({ onChallenge }: { onChallenge(challenge: string): void }) {
  const { mutate } = useAsk();
  async function signIn(values: Values): Promise<Problems | undefined> {
    const { login } = await mutate(LoginDocument, {
      input: {
        identifier: values.text('identifier'),
        password: values.text('password'),
        remember: values.checked('remember'),
        cookies: true,
      },
    });
    switch (login.__typename) {
      case 'LoginSuccess':
        return undefined;
      case 'MfaRequired':
        onChallenge(login.challenge);
        return undefined;
      case 'InvalidCredentials':
        return { password: 'Incorrect e-mail address, username or password.' };
      case 'AccountLocked':
        return formProblem(
          `Too many failed attempts. Try again ${inTime(login.retryAfter)}, sign in on a device that you have used before, or reset your password.`,
        );
      case 'AccountDisabled':
        return formProblem('This account is disabled. Ask an administrator to enable it.');
      case 'EmailNotVerified':
        return formProblem(
          'Confirm your e-mail address first: open the link in the message that we sent you.',
        );
      case 'InvalidCode':
        return formProblem('This account needs a code. Sign in again.');
      default:
        return unreachable(login);
    }
  }
  return (
    <Form onSubmit={signIn} submitLabel="Sign in">
      <TextField name="identifier" label="E-mail address or username" autoComplete="username" />
      <PasswordField name="password" label="Password" autoComplete="current-password" />
      <div className="field-row">
        <CheckField name="remember" label="Stay signed in" />
        <Link href="/forgotten-password">Forgot your password?</Link>
      </div>
    </Form>
  );
}

function CodeStep({ challenge, onOver }: { challenge: string; onOver(reason: string): void }) {
  const { mutate } = useAsk();
  const [kind, setKind] = useState<CodeKind>('totp');
  async function complete(values: Values): Promise<Problems | undefined> {
    const { completeLogin } = await mutate(CompleteLoginDocument, {
      input: { challenge, code: values.text('code') },
    });
    switch (completeLogin.__typename) {
      case 'LoginSuccess':
        return undefined;
      case 'InvalidCode':
        return { code: WRONG_CODES[kind] };
      case 'InvalidChallenge':
        onOver('The sign-in took too long, or too many codes were wrong. Sign in again.');
        return undefined;
      case 'AccountDisabled':
        onOver('This account is disabled. Ask an administrator to enable it.');
        return undefined;
      default:
        return unreachable(completeLogin);
    }
  }
  const other = kind === 'totp' ? 'recovery' : 'totp';
  return (
    <Page title="Two-factor authentication" lead="Enter a code to finish signing in." toField>
      <Form onSubmit={complete} submitLabel="Continue">
        <CodeField kind={kind} />
        <button type="button" className="link" onClick={() => setKind(other)}>
          {kind === 'totp' ? 'Lost your phone? Use a recovery code' : 'Use your authenticator app'}
        </button>
      </Form>
    </Page>
  );
}

const WRONG_CODES: Record<CodeKind, string> = {
  totp: 'This code is incorrect or has already been used. Wait for the next one.',
  recovery: 'This recovery code is incorrect or has already been used. Try another one.',
  either: 'This code is incorrect or has already been used.',
};
