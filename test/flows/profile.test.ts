import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  INPUT_FAILURE,
  idBytes,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  refresh,
  registerUser,
  type TestUser,
  TOKENS,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const FIELDS = 'id email emailVerified pendingEmail username displayName phrase updatedAt';
const UPDATE = `mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename ... on UpdateProfileSuccess { user { ${FIELDS} } ${TOKENS} } ${INPUT_FAILURE}
  }
}`;
const NEW_PASSWORD = 'five words in another row';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function update(user: { accessToken: string }, input: Record<string, unknown>) {
  const answer = await app.gql(UPDATE, { input }, { token: user.accessToken });
  return answer.data?.updateProfile ?? answer;
}

async function profileOf(user: { accessToken: string }) {
  const { data } = await app.gql(`{ me { ${FIELDS} } }`, {}, { token: user.accessToken });
  return data.me;
}

const fullProfile = (extra: object = {}) =>
  registerUser(app, { displayName: 'Ada Lovelace', phrase: 'seven sleepy seals', ...extra });

it('changes what is given and leaves the rest', async () => {
  const user = await fullProfile();
  const before = await profileOf(user);
  app.clock.advance(5);
  const answer = await update(user, { displayName: '  Countess of Lovelace ' });
  const expected = {
    ...before,
    displayName: 'Countess of Lovelace',
    updatedAt: app.clock.now().toISOString(),
  };
  expect(answer).toEqual({ __typename: 'UpdateProfileSuccess', user: expected, tokens: null });
  expect(await profileOf(user)).toEqual(expected);
});

it.each([null, '', '   '])('removes a name or the phrase that is given as %j', async (nothing) => {
  const user = await fullProfile();
  const cleared = { username: nothing, displayName: nothing, phrase: nothing };
  const answer = await update(user, cleared);
  expect(answer.user).toMatchObject({ username: null, displayName: null, phrase: null });
  expect((await logIn(app, { identifier: user.username })).code).toBe('INVALID_CREDENTIALS');
});

it('changes nothing when nothing is given', async () => {
  const user = await fullProfile();
  const { updatedAt: _, ...before } = await profileOf(user);
  for (const input of [{}, { newEmail: null, newPassword: null, currentPassword: null }]) {
    const answer = await update(user, input);
    expect(answer.user).toMatchObject(before);
    expect(answer.tokens).toBeNull();
  }
  expect(await auditTypes(app, user.id)).toEqual(['REGISTERED']);
});

it('lets a username be changed, and its owner sign in by the new one only', async () => {
  const user = await registerUser(app);
  const username = newName();
  expect((await update(user, { username })).user.username).toBe(username);
  expect((await logIn(app, { identifier: username.toUpperCase() })).__typename).toBe(
    'LoginSuccess',
  );
  expect((await logIn(app, { identifier: user.username })).code).toBe('INVALID_CREDENTIALS');
  // the one given up is free, and their own can be spelled anew
  await registerUser(app, { username: user.username });
  expect((await update(user, { username: username.toUpperCase() })).__typename).toBe(
    'UpdateProfileSuccess',
  );
});

it('changes nothing at all when one of several changes cannot be made', async () => {
  const [user, other] = [await fullProfile(), await registerUser(app)];
  const before = await profileOf(user);
  app.clock.advance(5);
  const changes = {
    displayName: 'New',
    phrase: 'new',
    currentPassword: PASSWORD,
    newPassword: NEW_PASSWORD,
  };
  const takenName = await update(user, { ...changes, username: other.username.toUpperCase() });
  expect(takenName).toMatchObject({ __typename: 'UsernameTaken', code: 'USERNAME_TAKEN' });
  const takenEmail = await update(user, { ...changes, newEmail: ` ${other.email.toUpperCase()} ` });
  expect(takenEmail).toMatchObject({ __typename: 'EmailTaken', code: 'EMAIL_TAKEN' });
  const invalid = await update(user, { ...changes, username: '!' });
  expect(invalid).toMatchObject({ __typename: 'InvalidInput', fields: [{ path: 'username' }] });
  const wrongPassword = await update(user, { ...changes, currentPassword: 'wrong' });
  expect(wrongPassword).toMatchObject({ __typename: 'InvalidCredentials' });
  expect(await profileOf(user)).toEqual(before);
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, user.id)).not.toContain('PROFILE_UPDATED');
});

it.each([
  ['short username', { username: 'ab' }, ['username']],
  ['username with a null', { username: 'ada\0' }, ['username']],
  ['display name that turns text around', { displayName: '\u202Eada' }, ['displayName']],
  ['long display name', { displayName: '😀'.repeat(101) }, ['displayName']],
  ['phrase of two lines', { phrase: 'one\ntwo' }, ['phrase']],
  ['e-mail address that is none', { newEmail: 'ada', currentPassword: PASSWORD }, ['newEmail']],
  ['empty e-mail address', { newEmail: '', currentPassword: PASSWORD }, ['newEmail']],
  ['short password', { newPassword: 'seven77', currentPassword: PASSWORD }, ['newPassword']],
  ['empty password', { newPassword: '', currentPassword: PASSWORD }, ['newPassword']],
  ['common password', { newPassword: 'iloveyou', currentPassword: PASSWORD }, ['newPassword']],
  ['long password', { newPassword: 'x'.repeat(129), currentPassword: PASSWORD }, ['newPassword']],
  ['new password without the current one', { newPassword: NEW_PASSWORD }, ['currentPassword']],
  [
    'new e-mail address with an empty password',
    { newEmail: 'a@b.cc', currentPassword: '' },
    ['currentPassword'],
  ],
  [
    'everything at once',
    { username: '!', displayName: '\0', phrase: '\0', newEmail: 'x', newPassword: 'x' },
    ['username', 'displayName', 'phrase', 'newEmail', 'newPassword', 'currentPassword'],
  ],
])('refuses %s, naming the field, before it costs a hash', async (_what, input, paths) => {
  const user = await fullProfile();
  const [before, hashes] = [await profileOf(user), app.hashes()];
  const answer = await update(user, input);
  expect(answer.__typename).toBe('InvalidInput');
  expect(answer.fields.map((field: { path: string }) => field.path)).toEqual(paths);
  expect(await profileOf(user)).toEqual(before);
  expect(app.hashes()).toBe(hashes);
});

it('refuses a password that is one of their names, also one chosen in the same breath', async () => {
  const user = await registerUser(app);
  const username = newName('grace');
  for (const newPassword of [user.email, user.username.toUpperCase(), username]) {
    const given = newPassword === username ? { username } : {};
    const answer = await update(user, { ...given, newPassword, currentPassword: PASSWORD });
    expect(answer.fields).toMatchObject([{ path: 'newPassword' }]);
  }
});

it('takes the current password for another e-mail address, which waits for its confirmation', async () => {
  const user = await registerUser(app);
  await runSql(app.databaseUrl, 'update users set email_verified_at = created_at where id = ?', [
    idBytes(user.id),
  ]);
  const newEmail = `${newName()}@Example.org`;
  const refused = await update(user, { newEmail, currentPassword: 'wrong' });
  expect(refused).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  const spelled = await update(user, {
    newEmail: user.email.toUpperCase(),
    currentPassword: PASSWORD,
  });
  expect(spelled.user).toMatchObject({ email: user.email.toUpperCase(), emailVerified: true });
  const changed = await update(user, { newEmail, currentPassword: PASSWORD });
  expect(changed.user).toMatchObject({
    email: user.email.toUpperCase(),
    emailVerified: true,
    pendingEmail: newEmail,
  });
  expect(changed.tokens).toBeNull();
  expect((await logIn(app, { identifier: newEmail })).code).toBe('INVALID_CREDENTIALS');
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, user.id)).toContain('EMAIL_CHANGE_REQUESTED');
});

it('ends all other sessions when the password changes, and gives this one new tokens', async () => {
  const user = await registerUser(app);
  app.clock.advance(1);
  const { tokens: phone } = await logIn(app, { identifier: user.email });
  const answer = await update(user, { newPassword: NEW_PASSWORD, currentPassword: PASSWORD });
  expect(answer.tokens).toMatchObject({ tokenType: 'Bearer', deviceToken: expect.any(String) });
  expect(await isSignedIn(app, answer.tokens.accessToken)).toBe(true);
  expect((await refresh(app, answer.tokens.refreshToken)).__typename).toBe('RefreshSuccess');
  expect(await isSignedIn(app, phone.accessToken)).toBe(false);
  expect((await refresh(app, phone.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  const signedIn = await logIn(app, { identifier: user.email, password: NEW_PASSWORD });
  expect(signedIn.__typename).toBe('LoginSuccess');
  expect(await auditTypes(app, user.id)).toContain('PASSWORD_CHANGED');
});

it('ends the other sessions whatever else is changed with the password', async () => {
  const user = await registerUser(app);
  const { tokens } = await logIn(app, { identifier: user.email });
  await update(user, {
    newPassword: NEW_PASSWORD,
    currentPassword: PASSWORD,
    newEmail: `${newName()}@example.com`,
    username: null,
    displayName: 'New',
    phrase: 'new',
  });
  expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
});

it('locks after five wrong current passwords, for a quarter of an hour', async () => {
  const user = await registerUser(app);
  const change = { newPassword: NEW_PASSWORD, currentPassword: 'wrong' };
  for (let i = 0; i < 5; i++) expect((await update(user, change)).code).toBe('INVALID_CREDENTIALS');
  const locked = await update(user, { ...change, currentPassword: PASSWORD });
  expect(locked.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 900 } }]);
  expect(locked.data).toBeNull();
  // what needs no password goes on
  expect((await update(user, { displayName: 'Ada' })).__typename).toBe('UpdateProfileSuccess');
});

it('gives one username to one of many who want it at the same moment', async () => {
  const users = await Promise.all(Array.from({ length: 8 }, () => registerUser(app)));
  const username = newName();
  const answers = await Promise.all(users.map((user) => update(user, { username })));
  const kinds = answers.map((answer) => answer.__typename).sort();
  expect(kinds).toEqual(['UpdateProfileSuccess', ...Array(7).fill('UsernameTaken')]);
});

it('takes no field that is not theirs to change', async () => {
  const user = await registerUser(app);
  for (const extra of [
    { role: 'ADMIN' },
    { id: user.id },
    { emailVerified: true },
    { status: 'ACTIVE' },
  ]) {
    const answer = await update(user, { displayName: 'Ada', ...extra });
    expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
  expect((await profileOf(user)).displayName).toBeNull();
});

const PROFILE =
  'query ($username: String!) { profile(username: $username) { username displayName createdAt } }';
const seen = async (viewer: TestUser, username: string) =>
  (await app.gql(PROFILE, { username }, { token: viewer.accessToken })).data.profile;

it('shows others the name, in any spelling of it, and nothing more', async () => {
  const name = `é${newName('x')}`;
  const [viewer, user] = [await registerUser(app), await fullProfile({ username: name })];
  const expected = {
    username: name,
    displayName: 'Ada Lovelace',
    createdAt: app.clock.now().toISOString(),
  };
  for (const spelling of [name, name.toUpperCase(), name.normalize('NFD'), ` ${name} `]) {
    expect(await seen(viewer, spelling)).toEqual(expected);
  }
  expect(await seen(user, name)).toEqual(expected);
});

it('tells nobody whose e-mail address is whose', async () => {
  const [viewer, user] = [await registerUser(app), await registerUser(app)];
  const spellings = [user.email, user.email.replace('@', '＠'), user.email.replace('@', '﹫')];
  for (const spelling of spellings) expect(await seen(viewer, spelling)).toBeNull();
});

it.each(['', ' ', '\0', '\uD800', '%', '_', 'x'.repeat(50_000)])(
  'finds nobody under no name (%#)',
  async (name) => {
    expect(await seen(await registerUser(app), name)).toBeNull();
  },
);

it('shows no disabled account', async () => {
  const [viewer, user] = [await registerUser(app), await registerUser(app)];
  await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
    idBytes(user.id),
  ]);
  expect(await seen(viewer, user.username)).toBeNull();
});
