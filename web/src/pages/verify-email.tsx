import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { Form } from '../form/form.tsx';
import { formProblem, type Problems, unreachable } from '../form/problems.ts';
import { LogoutDocument, MeDocument, VerifyEmailDocument } from '../generated/account.ts';
import { Entrance } from '../layout/entrance.tsx';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { readLinkToken } from '../session/link-token.ts';
import { useNotice } from '../session/notice.tsx';
import { settings } from '../session/settings.ts';
import { useVisitor, type Viewer } from '../session/viewer.tsx';

const PATH = '/verify-email';

type Outcome = 'open' | 'done' | 'over';

/**
 * The page behind the link that confirms an address. The link proves who owns the mailbox, not who chose the password, so
 * confirming while signed out removes the password. That is why visitors are asked to sign in first.
 */
export function VerifyEmailPage() {
  const viewer = useVisitor();
  const [token] = useState(() => readLinkToken(PATH));
  const [outcome, setOutcome] = useState<Outcome>(token === '' ? 'over' : 'open');
  const confirm = useConfirmation(token, setOutcome);
  if (outcome === 'done') return <Confirmed viewer={viewer} />;
  if (outcome === 'over') return <Over viewer={viewer} />;
  if (viewer !== null) return <ConfirmAs viewer={viewer} confirm={confirm} />;
  if (settings.registration === 'verify') return <ConfirmRegistration confirm={confirm} />;
  return <ConfirmAsVisitor confirm={confirm} />;
}

type Confirm = () => Promise<Problems | undefined>;

function useConfirmation(token: string, onOutcome: (outcome: Outcome) => void): Confirm {
  const { mutate, query } = useAsk();
  const viewer = useVisitor();
  return async () => {
    // refreshes an expired access token first: the mutation would otherwise treat the account's owner as a visitor
    const { me } = await query(MeDocument, {});
    if (me?.id !== viewer?.id) return formProblem('A different user is signed in now. Try again.');
    const { verifyEmail } = await mutate(VerifyEmailDocument, { input: { token } });
    switch (verifyEmail.__typename) {
      case 'VerifyEmailSuccess':
        onOutcome('done');
        return undefined;
      case 'InvalidToken':
        onOutcome('over');
        return undefined;
      case 'EmailTaken':
        return formProblem('Another account uses this address by now. Choose a different one.');
      default:
        return unreachable(verifyEmail);
    }
  };
}

function ConfirmAs({ viewer, confirm }: { viewer: Viewer; confirm: Confirm }) {
  const { mutate } = useAsk();
  async function signOut() {
    await mutate(LogoutDocument, { everywhere: false });
  }
  const waits = !viewer.emailVerified || viewer.pendingEmail !== null;
  if (!waits) {
    return (
      <Entrance foot={<Link href="/">Stay signed in and ignore this link</Link>}>
        <Page title="Is this link for another account?">
          <p className="lead">
            You are signed in as <strong>{viewer.email}</strong>, and this address is already
            confirmed. If the link is for another account, sign out first.
          </p>
          <Form
            onSubmit={async () => {
              await signOut();
              return undefined;
            }}
            submitLabel="Sign out and continue"
          />
        </Page>
      </Entrance>
    );
  }
  return (
    <Entrance>
      <Page title="Confirm your e-mail address">
        <p className="lead">
          Confirm that <strong>{viewer.pendingEmail ?? viewer.email}</strong> is your address.
        </p>
        <Form onSubmit={confirm} submitLabel="Confirm" />
      </Page>
    </Entrance>
  );
}

/** With `REGISTRATION=verify` nobody can have signed in to the account yet, so confirming ends no session. */
function ConfirmRegistration({ confirm }: { confirm: Confirm }) {
  return (
    <Entrance>
      <Page title="Confirm your e-mail address" lead="After this, you can sign in to your account.">
        <Form onSubmit={confirm} submitLabel="Confirm" />
      </Page>
    </Entrance>
  );
}

function ConfirmAsVisitor({ confirm }: { confirm: Confirm }) {
  return (
    <Entrance>
      <Page
        title="Sign in to confirm this address"
        lead="This shows that you created the account, and not someone else who entered your address."
      >
        <p>
          <Link href={`/sign-in?next=${PATH}`} className="button primary wide">
            Sign in
          </Link>
        </p>
        <details>
          <summary>I cannot sign in, or I did not create this account</summary>
          <p className="lead">
            We will confirm the address, remove the current password, end all sessions, and send you
            a link to choose your own password.
          </p>
          <Form onSubmit={confirm} submitLabel="Confirm without signing in" />
        </details>
      </Page>
    </Entrance>
  );
}

function Confirmed({ viewer }: { viewer: Viewer | null }) {
  return (
    <Message title="Your address is confirmed">
      {viewer === null ? (
        <p>
          You can now <Link href="/sign-in">sign in</Link>. If we have just sent you a link to
          choose a password, open that link first.
        </p>
      ) : (
        <p>
          <Link href="/">Go to your account</Link>
        </p>
      )}
    </Message>
  );
}

function Over({ viewer }: { viewer: Viewer | null }) {
  return (
    <Message title="This link is no longer valid">
      <p>
        It has expired, has already been used, or has been replaced by a newer one.{' '}
        {viewer === null ? (
          <Link href="/sign-in?next=/profile">Sign in to request a new link</Link>
        ) : (
          <Link href="/profile">Request a new link in your profile</Link>
        )}
      </p>
    </Message>
  );
}

function Message({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Entrance>
      <Page key={title} title={title}>
        {children}
      </Page>
    </Entrance>
  );
}

/** The page behind the link, sent to the previous address, that undoes a change of the e-mail address. */
export function UndoEmailChangePage() {
  const { mutate } = useAsk();
  const { takeLeave } = useNotice();
  const [, navigate] = useLocation();
  const [token] = useState(() => readLinkToken('/undo-email-change'));
  const [isOver, setOver] = useState(token === '');
  async function undo(): Promise<Problems | undefined> {
    const { verifyEmail } = await mutate(VerifyEmailDocument, { input: { token } });
    switch (verifyEmail.__typename) {
      case 'VerifyEmailSuccess':
        await mutate(LogoutDocument, { everywhere: false });
        navigate('/sign-in');
        takeLeave(
          'Your previous address is restored, and all sessions have ended. We have sent you a link to choose a new password.',
        );
        return undefined;
      case 'InvalidToken':
        setOver(true);
        return undefined;
      case 'EmailTaken':
        return formProblem('Another account uses your address by now. Contact an administrator.');
      default:
        return unreachable(verifyEmail);
    }
  }
  if (isOver) {
    return (
      <Message title="This link is no longer valid">
        <p>
          It has expired or has already been used. If you have lost access to your account, contact
          an administrator.
        </p>
      </Message>
    );
  }
  return (
    <Entrance>
      <Page
        title="Undo the change of address"
        lead="We will restore your previous address, end all sessions, remove the current password, and send you a link to choose a new one."
      >
        <Form onSubmit={undo} submitLabel="Undo the change" tone="danger" />
      </Page>
    </Entrance>
  );
}
