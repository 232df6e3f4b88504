import { useState } from 'react';
import { AccountName, CodeField, PasswordField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { formProblem, type Problems, unreachable } from '../form/problems.ts';
import {
  ConfirmTotpDocument,
  DisableTotpDocument,
  EnableTotpDocument,
  RegenerateRecoveryCodesDocument,
} from '../generated/account.ts';
import { Badge, Section } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { plural } from '../session/request-problem.ts';
import { useViewer } from '../session/viewer.tsx';
import { RecoveryCodes } from './recovery-codes.tsx';

interface Enrolment {
  secret: string;
  uri: string;
  qrCode: string;
}

const WRONG_PASSWORD = 'This password is incorrect.';
const WRONG_CODE = 'This code is incorrect or has already been used. Wait for the next one.';

/** Two-factor authentication: off, being turned on, or on. */
export function TotpSection() {
  const { totpEnabled } = useViewer();
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  if (codes !== null) {
    return (
      <Section title="Save your recovery codes">
        <RecoveryCodes codes={codes} onKept={() => setCodes(null)} />
      </Section>
    );
  }
  if (totpEnabled) return <TotpOn onCodes={setCodes} />;
  return (
    <Section
      title="Two-factor authentication"
      lead="Protect your account even if your password is stolen: signing in also takes a code from an authenticator app."
    >
      {enrolment === null ? (
        <Start onStarted={setEnrolment} />
      ) : (
        <Confirm
          enrolment={enrolment}
          onEnabled={(recoveryCodes) => {
            setEnrolment(null);
            setCodes(recoveryCodes);
          }}
          onOver={() => setEnrolment(null)}
        />
      )}
    </Section>
  );
}

function Start({ onStarted }: { onStarted(enrolment: Enrolment): void }) {
  const viewer = useViewer();
  const { mutate } = useAsk();
  async function start(values: Values): Promise<Problems | undefined> {
    const { enableTotp } = await mutate(EnableTotpDocument, {
      input: { currentPassword: values.text('currentPassword') },
    });
    switch (enableTotp.__typename) {
      case 'EnableTotpSuccess':
        onStarted(enableTotp);
        return undefined;
      case 'InvalidCredentials':
        return { currentPassword: WRONG_PASSWORD };
      case 'TotpAlreadyEnabled':
        return formProblem('Two-factor authentication is already on. Reload this page.');
      default:
        return unreachable(enableTotp);
    }
  }
  return (
    <Form onSubmit={start} submitLabel="Turn on" label="Turn on two-factor authentication">
      <AccountName name={viewer.email} />
      <PasswordField name="currentPassword" label="Your password" autoComplete="current-password" />
    </Form>
  );
}

function Confirm(props: {
  enrolment: Enrolment;
  onEnabled(recoveryCodes: readonly string[]): void;
  onOver(): void;
}) {
  const { enrolment, onEnabled, onOver } = props;
  const { mutate } = useAsk();
  async function confirm(values: Values): Promise<Problems | undefined> {
    const { confirmTotp } = await mutate(ConfirmTotpDocument, {
      input: { code: values.text('code') },
    });
    switch (confirmTotp.__typename) {
      case 'ConfirmTotpSuccess':
        onEnabled(confirmTotp.recoveryCodes);
        return undefined;
      case 'InvalidCode':
        return { code: WRONG_CODE };
      case 'TotpNotEnabled':
        return formProblem('This took too long. Cancel, and start again.');
      case 'TotpAlreadyEnabled':
        return formProblem('Two-factor authentication is already on. Reload this page.');
      default:
        return unreachable(confirmTotp);
    }
  }
  return (
    <div className="enrolment">
      <img className="qr" src={enrolment.qrCode} alt="QR code for your authenticator app" />
      <div>
        <ol className="steps">
          <li>
            Scan the QR code with an authenticator app,{' '}
            <a href={enrolment.uri}>open it in an app on this device</a>, or enter this key:
            <code className="secret">{enrolment.secret.match(/.{1,4}/g)?.join(' ')}</code>
          </li>
          <li>Enter the code that the app shows.</li>
        </ol>
        <Form
          onSubmit={confirm}
          submitLabel="Confirm"
          secondary={
            <button type="button" className="button" onClick={onOver}>
              Cancel
            </button>
          }
        >
          <CodeField kind="totp" />
        </Form>
      </div>
    </div>
  );
}

function TotpOn({ onCodes }: { onCodes(codes: readonly string[]): void }) {
  const { recoveryCodesRemaining: left } = useViewer();
  return (
    <>
      <Section title="Two-factor authentication">
        <p className="value">
          <Badge tone="good">On</Badge> Signing in takes a code from your authenticator app.
        </p>
        <details>
          <summary>Turn it off or move to another phone</summary>
          <TurnOff />
        </details>
      </Section>
      <Section
        title="Recovery codes"
        lead={`Use one to sign in if you lose your phone. You have ${plural(left, 'code')} left.`}
      >
        <details>
          <summary>Create ten new codes</summary>
          <NewCodes onCodes={onCodes} />
        </details>
      </Section>
    </>
  );
}

function TurnOff() {
  const { mutate } = useAsk();
  async function turnOff(values: Values): Promise<Problems | undefined> {
    const { disableTotp } = await mutate(DisableTotpDocument, { input: readProofs(values) });
    if (disableTotp.__typename === 'DisableTotpSuccess') return undefined;
    return proofProblem(disableTotp);
  }
  return (
    <Form
      onSubmit={turnOff}
      submitLabel="Turn off"
      tone="danger"
      label="Turn off two-factor authentication"
    >
      <Proofs />
    </Form>
  );
}

function NewCodes({ onCodes }: { onCodes(codes: readonly string[]): void }) {
  const { mutate } = useAsk();
  async function renew(values: Values): Promise<Problems | undefined> {
    const { regenerateRecoveryCodes } = await mutate(RegenerateRecoveryCodesDocument, {
      input: readProofs(values),
    });
    if (regenerateRecoveryCodes.__typename !== 'RegenerateRecoveryCodesSuccess') {
      return proofProblem(regenerateRecoveryCodes);
    }
    onCodes(regenerateRecoveryCodes.recoveryCodes);
    return undefined;
  }
  return (
    <Form onSubmit={renew} submitLabel="Create new codes" label="Create new recovery codes">
      <p className="hint">Your current codes will stop working.</p>
      <Proofs />
    </Form>
  );
}

function Proofs() {
  const viewer = useViewer();
  return (
    <>
      <AccountName name={viewer.email} />
      <PasswordField name="currentPassword" label="Your password" autoComplete="current-password" />
      <CodeField kind="either" />
    </>
  );
}

function readProofs(values: Values) {
  return { currentPassword: values.text('currentPassword'), code: values.text('code') };
}

/** The problem to show when the password or code was rejected. */
function proofProblem(failure: {
  __typename: 'InvalidCredentials' | 'InvalidCode' | 'TotpNotEnabled';
}): Problems {
  switch (failure.__typename) {
    case 'InvalidCredentials':
      return { currentPassword: WRONG_PASSWORD };
    case 'InvalidCode':
      return { code: WRONG_CODE };
    case 'TotpNotEnabled':
      return formProblem('Two-factor authentication is already off. Reload this page.');
    default:
      return unreachable(failure.__typename);
  }
}
