import { AccountName, PasswordField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { Page, Section } from '../layout/page.tsx';
import { session } from '../session/client.tsx';
import { useViewer } from '../session/viewer.tsx';
import { useProfileUpdate } from './profile.tsx';
import { TotpSection } from './totp.tsx';

export function SecurityPage() {
  return (
    <Page title="Security" lead="What it takes to get into your account.">
      <Password />
      <TotpSection />
    </Page>
  );
}

function Password() {
  const viewer = useViewer();
  const update = useProfileUpdate();
  async function change(values: Values) {
    const problems = await update({
      newPassword: values.text('newPassword'),
      currentPassword: values.text('currentPassword'),
    });
    if (problems === undefined) session.renewed();
    return problems;
  }
  return (
    <Section title="Password" lead="A new password signs you out on all other devices.">
      <Form
        onSubmit={change}
        submitLabel="Change password"
        done="Changed. All other devices are signed out."
      >
        <AccountName name={viewer.email} />
        <PasswordField
          name="currentPassword"
          label="Password until now"
          autoComplete="current-password"
        />
        <PasswordField
          name="newPassword"
          label="New password"
          autoComplete="new-password"
          hint="At least 8 characters. A few words in a row are good, and easy to remember."
        />
      </Form>
    </Section>
  );
}
