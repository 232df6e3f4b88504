import { useLocation } from 'wouter';
import { PasswordField, SelectField, TextAreaField, TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { inputProblems, type Problems, unreachable } from '../form/problems.ts';
import { CreateUserDocument, type Role } from '../generated/admin.ts';
import { Page } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { NO_JSON, parseJson } from './metadata.ts';

const ROLE_CHOICES = [
  ['USER', 'User'],
  ['ADMIN', 'Administrator'],
] as const;

/** Lets an administrator create an account for somebody else. */
export function NewUserPage() {
  const { mutate } = useAsk();
  const [, navigate] = useLocation();
  async function create(values: Values): Promise<Problems | undefined> {
    const appMetadata = parseJson(values.text('appMetadata') || '{}');
    if (appMetadata === NO_JSON) return { appMetadata: 'This is not valid JSON.' };
    const { createUser } = await mutate(CreateUserDocument, {
      input: {
        email: values.text('email'),
        username: values.optional('username'),
        displayName: values.optional('displayName'),
        role: values.text('role') as Role,
        password: values.text('password') || null,
        appMetadata,
      },
    });
    switch (createUser.__typename) {
      case 'CreateUserSuccess':
        navigate(`/admin/users/${createUser.user.id}`);
        return undefined;
      case 'InvalidInput':
        return inputProblems(createUser.fields);
      case 'EmailTaken':
        return { email: 'Another account already uses this address.' };
      case 'UsernameTaken':
        return { username: 'This username is taken. Choose another.' };
      default:
        return unreachable(createUser);
    }
  }
  return (
    <Page title="New user">
      <div className="card">
        <Form onSubmit={create} submitLabel="Create account">
          <TextField name="email" label="E-mail address" type="email" autoComplete="off" />
          <TextField name="displayName" label="Name" autoComplete="off" optional />
          <TextField
            name="username"
            label="Username"
            autoComplete="off"
            spellCheck={false}
            optional
          />
          <SelectField name="role" label="Role" options={ROLE_CHOICES} defaultValue="USER" />
          <PasswordField
            name="password"
            label="Initial password"
            autoComplete="new-password"
            optional
            hint="Leave this empty to invite the user by e-mail to choose a password."
          />
          <TextAreaField
            name="appMetadata"
            label="Application metadata"
            rows={3}
            code
            optional
            hint="A JSON object for your own application, such as roles and plans."
          />
        </Form>
      </div>
    </Page>
  );
}
