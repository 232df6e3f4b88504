import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { NewPasswordField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { inputProblems, type Problems, unreachable } from '../form/problems.ts';
import { LogoutDocument, ResetPasswordDocument } from '../generated/account.ts';
import { Entrance } from '../layout/entrance.tsx';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { readLinkToken } from '../session/link-token.ts';
import { useNotice } from '../session/notice.tsx';

/** The page behind the link in a password-reset mail. */
export function ResetPasswordPage() {
  return (
    <ChoosePassword
      path="/reset-password"
      title="Choose a password"
      lead="It replaces your current password and signs you out everywhere."
      expired={
        <p>
          It has expired or has already been used.{' '}
          <Link href="/forgotten-password">Request a new link</Link>
        </p>
      }
    />
  );
}

/** The page behind the link in an invitation. */
export function AcceptInvitationPage() {
  return (
    <ChoosePassword
      path="/accept-invitation"
      title="Welcome"
      lead="An account has been created for you. Choose a password to start using it."
      expired={
        <p>
          It has expired or has already been used. <Link href="/sign-in">Sign in</Link>, or ask the
          person who invited you for a new invitation.
        </p>
      }
    />
  );
}

interface ChoosePasswordProps {
  path: string;
  title: string;
  lead: string;
  /** What to do when the link is no longer valid. */
  expired: ReactNode;
}

function ChoosePassword({ path, title, lead, expired }: ChoosePasswordProps) {
  const { mutate } = useAsk();
  const { takeLeave } = useNotice();
  const [, navigate] = useLocation();
  const [token] = useState(() => readLinkToken(path));
  const [isOver, setOver] = useState(token === '');
  async function choose(values: Values): Promise<Problems | undefined> {
    const newPassword = values.text('newPassword');
    const { resetPassword } = await mutate(ResetPasswordDocument, {
      input: { token, newPassword },
    });
    switch (resetPassword.__typename) {
      case 'ResetPasswordSuccess':
        // the reset has ended every session, so clear this browser's cookies too
        await mutate(LogoutDocument, { everywhere: false });
        navigate('/sign-in');
        takeLeave('Your password is set. You can now sign in with it.');
        return undefined;
      case 'InvalidToken':
        setOver(true);
        return undefined;
      case 'InvalidInput':
        return inputProblems(resetPassword.fields);
      default:
        return unreachable(resetPassword);
    }
  }
  if (isOver) {
    return (
      <Entrance>
        <Page key="over" title="This link is no longer valid">
          {expired}
        </Page>
      </Entrance>
    );
  }
  return (
    <Entrance>
      <Page title={title} lead={lead}>
        <Form onSubmit={choose} submitLabel="Set password">
          <NewPasswordField name="newPassword" label="New password" />
        </Form>
      </Page>
    </Entrance>
  );
}
