import { AccountName, NewPasswordField, PasswordField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { Page, Section } from '../layout/page.tsx';
import { useViewer } from '../session/viewer.tsx';
import { useProfileUpdate } from './profile.tsx';
import { TotpSection } from './totp.tsx';

export function SecurityPage() {
  return (
    <Page title="Security" lead="How you sign in to your account.">
      <Password />
      <TotpSection />
    </Page>
  );
}

function Password() {
  const viewer = useViewer();
  const update = useProfileUpdate();
  const change = (values: Values) =>
    update({
      newPassword: values.text('newPassword'),
      currentPassword: values.text('currentPassword'),
    });
  return (
    <Section title="Password" lead="Changing your password signs you out on all other devices.">
      <Form
        onSubmit={change}
        submitLabel="Change password"
        done="Password changed. All other devices are signed out."
      >
        <AccountName name={viewer.email} />
        <PasswordField
          name="currentPassword"
          label="Current password"
          autoComplete="current-password"
        />
        <NewPasswordField name="newPassword" label="New password" />
      </Form>
    </Section>
  );
}
