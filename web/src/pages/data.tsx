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
    <Page title="Your data" lead="Download what we store about you, or delete your account.">
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
    setSaid(failed ?? 'The file has been downloaded.');
  }
  return (
    <Section title="Download" lead="Everything that we store about you, as a JSON file.">
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
    if (!values.checked('confirm')) return { confirm: 'Tick this box to confirm.' };
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
        return { currentPassword: 'This password is incorrect.' };
      case 'InvalidCode':
        return { code: 'This code is incorrect or has already been used.' };
      case 'InvalidInput':
        return inputProblems(deleteAccount.fields);
      case 'LastAdmin':
        return formProblem(
          'You are the last active administrator. Make someone else an administrator first.',
        );
      default:
        return unreachable(deleteAccount);
    }
  }
  return (
    <Section
      title="Delete account"
      tone="danger"
      lead="This deletes your account and your personal data immediately. It cannot be undone."
    >
      <Form onSubmit={deleteAccount} submitLabel="Delete my account" tone="danger">
        <AccountName name={viewer.email} />
        <PasswordField
          name="currentPassword"
          label="Your password"
          autoComplete="current-password"
        />
        {viewer.totpEnabled ? <CodeField kind="either" /> : null}
        <CheckField name="confirm" label="I want to delete my account permanently" />
      </Form>
    </Section>
  );
}
