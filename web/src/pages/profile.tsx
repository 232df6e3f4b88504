import { AccountName, PasswordField, TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { inputProblems, type Problems, unreachable } from '../form/problems.ts';
import {
  RequestEmailVerificationDocument,
  UpdateProfileDocument,
  type UpdateProfileInput,
} from '../generated/account.ts';
import { Badge, Page, Section } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { useViewer } from '../session/viewer.tsx';

/** @returns a function that updates the profile and returns problems by field name */
export function useProfileUpdate() {
  const { mutate } = useAsk();
  return async (input: UpdateProfileInput): Promise<Problems | undefined> => {
    const { updateProfile } = await mutate(UpdateProfileDocument, { input });
    switch (updateProfile.__typename) {
      case 'UpdateProfileSuccess':
        return undefined;
      case 'InvalidInput':
        return inputProblems(updateProfile.fields);
      case 'InvalidCredentials':
        return { currentPassword: 'This password is incorrect.' };
      case 'EmailTaken':
        return { newEmail: 'Another account already uses this address.' };
      case 'UsernameTaken':
        return { username: 'This username is taken. Choose another.' };
      default:
        return unreachable(updateProfile);
    }
  };
}

export function ProfilePage() {
  return (
    <Page title="Profile" lead="Your name, e-mail address and anti-phishing phrase.">
      <Names />
      <Phrase />
      <Email />
    </Page>
  );
}

function Names() {
  const viewer = useViewer();
  const update = useProfileUpdate();
  const save = (values: Values) =>
    update({
      displayName: values.optional('displayName'),
      username: values.optional('username'),
    });
  return (
    <Section title="Names" lead="Other users may see both.">
      <Form onSubmit={save} submitLabel="Save names" done="Saved.">
        <TextField
          name="displayName"
          label="Name"
          autoComplete="name"
          defaultValue={viewer.displayName ?? ''}
          optional
        />
        <TextField
          name="username"
          label="Username"
          autoComplete="username"
          spellCheck={false}
          defaultValue={viewer.username ?? ''}
          hint="You can sign in with it instead of your e-mail address."
          optional
        />
      </Form>
    </Section>
  );
}

function Phrase() {
  const viewer = useViewer();
  const update = useProfileUpdate();
  const save = (values: Values) => update({ phrase: values.optional('phrase') });
  return (
    <Section
      title="Anti-phishing phrase"
      lead="Words that only you and we know. Our messages show them, and forged messages cannot."
    >
      <Form onSubmit={save} submitLabel="Save phrase" done="Saved.">
        <TextField
          name="phrase"
          label="Phrase"
          autoComplete="off"
          defaultValue={viewer.phrase ?? ''}
          optional
        />
      </Form>
    </Section>
  );
}

function Email() {
  const viewer = useViewer();
  const update = useProfileUpdate();
  const save = (values: Values) =>
    update({
      newEmail: values.text('newEmail'),
      currentPassword: values.text('currentPassword'),
    });
  return (
    <Section title="E-mail address">
      <p className="value">
        <strong>{viewer.email}</strong>{' '}
        {viewer.emailVerified ? (
          <Badge tone="good">Confirmed</Badge>
        ) : (
          <Badge tone="warn">Not confirmed</Badge>
        )}
      </p>
      {viewer.emailVerified && viewer.pendingEmail === null ? null : <Unconfirmed />}
      <Form
        onSubmit={save}
        submitLabel="Change address"
        done="We have sent a link to the new address. Open it to complete the change."
      >
        <TextField name="newEmail" label="New e-mail address" type="email" autoComplete="email" />
        <AccountName name={viewer.email} />
        <PasswordField
          name="currentPassword"
          label="Your password"
          autoComplete="current-password"
        />
      </Form>
    </Section>
  );
}

/** Shown while an address is waiting for its confirmation. */
function Unconfirmed() {
  const { email, pendingEmail } = useViewer();
  const { mutate } = useAsk();
  async function send() {
    await mutate(RequestEmailVerificationDocument, {});
    return undefined;
  }
  return (
    <div className="notice">
      <p>
        Open the link that we have sent to <strong>{pendingEmail ?? email}</strong>
        {pendingEmail === null ? ' to confirm this address.' : ' to change to this address.'}
      </p>
      <Form
        onSubmit={send}
        submitLabel="Send a new link"
        done="Sent. Earlier links no longer work."
      />
    </div>
  );
}
