import { useState } from 'react';
import { useLocation } from 'wouter';
import { AccountName, CheckField, CodeField, PasswordField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { formProblem, inputProblems, type Problems, unreachable } from '../form/problems.ts';
import { DataExportDocument, DeleteAccountDocument } from '../generated/account.ts';
import { Page, Section } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { useNotice } from '../session/notice.tsx';
import { problemIn } from '../session/request-problem.ts';
import { useViewer } from '../session/viewer.tsx';
import { download } from './download.ts';

export function DataPage() {
  return (
    <Page title="Your data" lead="What we store about you is yours to have, and yours to end.">
      <Export />
      <Delete />
    </Page>
  );
}

function Export() {
  const { query } = useAsk();
  const [said, setSaid] = useState('');
  async function save() {
    setSaid('');
    const failed = await problemIn(async () => {
      const { me } = await query(DataExportDocument, {});
      const content = JSON.stringify(me?.dataExport, null, 2);
      download('my-data.json', 'application/json', content);
    });
    setSaid(failed ?? 'Your browser has the file now.');
  }
  return (
    <Section title="Download" lead="Everything stored about you, as a file that programs can read.">
      <button type="button" className="button primary" onClick={save}>
        Download my data
      </button>
      <p className="form-done" role="status">
        {said}
      </p>
    </Section>
  );
}

function Delete() {
  const viewer = useViewer();
  const { takeLeave } = useNotice();
  const { mutate } = useAsk();
  const [, navigate] = useLocation();
  async function deleteAccount(values: Values): Promise<Problems | undefined> {
    if (!values.checked('confirm')) return { confirm: 'Tick this to say that you mean it.' };
    const { deleteAccount } = await mutate(DeleteAccountDocument, {
      input: {
        confirm: true,
        currentPassword: values.text('currentPassword'),
        code: values.optional('code'),
      },
    });
    switch (deleteAccount.__typename) {
      case 'DeleteAccountSuccess':
        navigate('/sign-in');
        takeLeave('Your account has been deleted.');
        return undefined;
      case 'InvalidCredentials':
        return { currentPassword: 'This is not your password.' };
      case 'InvalidCode':
        return { code: 'This code is not right, or was used already.' };
      case 'InvalidInput':
        return inputProblems(deleteAccount.fields);
      case 'LastAdmin':
        return formProblem(
          'You are the last administrator. Make somebody else an administrator first.',
        );
      default:
        return unreachable(deleteAccount);
    }
  }
  return (
    <Section
      title="Delete the account"
      tone="danger"
      lead="Your account and everything personal with it go at once. Nothing brings them back."
    >
      <Form onSubmit={deleteAccount} submitLabel="Delete my account" tone="danger">
        <AccountName name={viewer.email} />
        <PasswordField
          name="currentPassword"
          label="Your password"
          autoComplete="current-password"
        />
        {viewer.totpEnabled ? <CodeField kind="either" /> : null}
        <CheckField name="confirm" label="I want my account deleted for good" />
      </Form>
    </Section>
  );
}
