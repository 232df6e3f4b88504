import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  countRows,
  logIn,
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { type Administration, administrationBy } from './support/administration.ts';

let app: TestApp;
let administer: Administration['administer'];
let adminToken: Administration['adminToken'];
beforeAll(async () => {
  app = await createTestApp({ env: { DEFAULT_PHRASE: 'seven sleepy seals' } });
  ({ administer, adminToken } = administrationBy(app, await registerAdmin(app)));
});
afterAll(() => app.close());

it('creates an account that its owner can sign in to', async () => {
  const name = newName();
  const input = {
    email: ` ${name}@Example.com`,
    username: name,
    displayName: 'Grace',
    password: PASSWORD,
    appMetadata: { plan: 'pro', seats: [1, 2], nested: { a: null } },
  };
  const answer = await administer('createUser', { input });
  expect(answer).toEqual({
    __typename: 'CreateUserSuccess',
    user: {
      id: expect.any(String),
      email: `${name}@Example.com`,
      username: name,
      displayName: 'Grace',
      // nobody but its owner sees the phrase
      phrase: null,
      role: 'USER',
      status: 'ACTIVE',
      appMetadata: input.appMetadata,
      totpEnabled: false,
    },
  });
  const { tokens } = await logIn(app, { identifier: name });
  const { data } = await app.gql('{ me { id phrase } }', {}, { token: tokens.accessToken });
  expect(data.me).toEqual({ id: answer.user.id, phrase: 'seven sleepy seals' });
  const [, claims = ''] = tokens.accessToken.split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString()).app).toEqual(input.appMetadata);
  expect((await auditTypes(app, answer.user.id)).sort()).toEqual([
    'LOGIN_SUCCEEDED',
    'USER_CREATED',
  ]);
});

it('creates administrators, and accounts without a password that nobody can sign in to', async () => {
  const email = `${newName()}@example.com`;
  const created = await administer('createUser', { input: { email, role: 'ADMIN' } });
  expect(created.user).toMatchObject({ role: 'ADMIN', username: null, appMetadata: {} });
  expect((await logIn(app, { identifier: email, password: '' })).code).toBe('INVALID_CREDENTIALS');
  await administer('deleteUser', { id: created.user.id });
});

it.each([
  ['an e-mail address that is none', { email: 'x' }, ['email']],
  ['a username that is none', { username: '!' }, ['username']],
  ['a display name with a null', { displayName: '\0' }, ['displayName']],
  ['a common password', { password: 'password123' }, ['password']],
  ['an empty password', { password: '' }, ['password']],
  ['metadata that is a list', { appMetadata: [1] }, ['appMetadata']],
  ['metadata that is a text', { appMetadata: 'admin' }, ['appMetadata']],
  ['metadata of 3 kB', { appMetadata: { x: 'x'.repeat(3000) } }, ['appMetadata']],
  [
    'everything at once',
    { email: '', username: '!', displayName: 'a\nb', password: '1', appMetadata: 1 },
    ['email', 'username', 'displayName', 'password', 'appMetadata'],
  ],
])('creates nothing with %s', async (_what, extra, paths) => {
  const token = await adminToken();
  const rows = await countRows(app);
  const input = { email: `${newName()}@example.com`, ...extra };
  const answer = await administer('createUser', { input }, { accessToken: token });
  expect(answer.__typename).toBe('InvalidInput');
  expect(answer.fields.map((field: { path: string }) => field.path)).toEqual(paths);
  expect(await countRows(app)).toEqual(rows);
});

it('creates no second account of a name', async () => {
  const user = await registerUser(app);
  const email = `${newName()}@example.com`;
  const takenEmail = await administer('createUser', { input: { email: user.email.toUpperCase() } });
  expect(takenEmail).toMatchObject({ __typename: 'EmailTaken', code: 'EMAIL_TAKEN' });
  const takenName = await administer('createUser', { input: { email, username: user.username } });
  expect(takenName).toMatchObject({ __typename: 'UsernameTaken', code: 'USERNAME_TAKEN' });
});
