import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  countRows,
  INPUT_FAILURE,
  idBytes,
  isSignedIn,
  logIn,
  newName,
  PASSWORD,
  registerUser,
  TOKENS,
} from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegisterSuccess {
      user {
        id email emailVerified username displayName phrase role status appMetadata totpEnabled
        recoveryCodesRemaining createdAt lastLoginAt sessions { current }
      }
      ${TOKENS}
    }
    ${INPUT_FAILURE}
  }
}`;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

async function register(input: Record<string, unknown>, sending?: Sending, on = app) {
  const given = { email: `${newName()}@example.com`, password: PASSWORD, ...input };
  const answer = await on.gql(REGISTER, { input: given }, sending);
  return answer.data?.register ?? answer;
}

it('makes an account, signs it in and puts it on record', async () => {
  const name = newName();
  const before = await countRows(app);
  const answer = await register(
    { email: ` ${name}@Example.com `, username: name.toUpperCase(), displayName: 'Ada Lovelace' },
    { from: '192.0.2.7', headers: { 'user-agent': 'Test/1.0', 'x-request-id': 'registration-1' } },
  );
  expect(answer).toMatchObject({
    __typename: 'RegisterSuccess',
    user: {
      email: `${name}@Example.com`,
      emailVerified: false,
      username: name.toUpperCase(),
      displayName: 'Ada Lovelace',
      phrase: null,
      role: 'USER',
      status: 'ACTIVE',
      appMetadata: {},
      totpEnabled: false,
      recoveryCodesRemaining: 0,
      createdAt: app.clock.now().toISOString(),
      sessions: [{ current: true }],
    },
    tokens: { tokenType: 'Bearer', deviceToken: expect.any(String) },
  });
  expect(await isSignedIn(app, answer.tokens.accessToken)).toBe(true);
  const after = await countRows(app);
  expect(after).toEqual({
    ...before,
    users: (before.users ?? 0) + 1,
    sessions: (before.sessions ?? 0) + 1,
    audit_events: (before.audit_events ?? 0) + 1,
    email_tokens: (before.email_tokens ?? 0) + 1,
    outbox: (before.outbox ?? 0) + 1,
  });
  const [event] = await runSql(
    app.databaseUrl,
    'select type, actor_id, ip_address, user_agent, request_id, detail from audit_events where user_id = ?',
    [idBytes(answer.user.id)],
  );
  expect(event).toEqual({
    type: 'REGISTERED',
    actor_id: idBytes(answer.user.id),
    ip_address: '192.0.2.7',
    user_agent: 'Test/1.0',
    request_id: 'registration-1',
    detail: '{}',
  });
});

it('keeps the password as an argon2id hash and nothing else', async () => {
  const user = await registerUser(app);
  const [row] = await runSql<{ password_hash: string }>(
    app.databaseUrl,
    'select password_hash from users where id = ?',
    [idBytes(user.id)],
  );
  expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
});

it.each([
  ['e-mail address without a domain', { email: 'ada' }, ['email']],
  ['e-mail address with a line break', { email: 'ada@example.com\r\nBcc: x@y.zz' }, ['email']],
  ['e-mail address with a null', { email: 'ada\0@example.com' }, ['email']],
  ['e-mail address with a lone surrogate', { email: 'ada\uD800@example.com' }, ['email']],
  ['e-mail address that is too long', { email: `${'a'.repeat(250)}@example.com` }, ['email']],
  ['e-mail address of 50 kB', { email: `${'a@'.repeat(25_000)}` }, ['email']],
  ['full-width @', { email: 'ada@evil.example＠example.com' }, ['email']],
  ['short username', { username: 'ab' }, ['username']],
  ['long username', { username: 'a'.repeat(33) }, ['username']],
  ['username that is an e-mail address', { username: 'ada@example.com' }, ['username']],
  ['username that becomes one', { username: 'ada＠example.com' }, ['username']],
  ['username with a null', { username: 'ada\0ada' }, ['username']],
  ['short password', { password: 'seven77' }, ['password']],
  ['short password of many bytes', { password: '🔑🔑🔑🔑🔑🔑🔑' }, ['password']],
  ['common password', { password: 'password123' }, ['password']],
  ['common password in capitals', { password: 'PASSWORD123' }, ['password']],
  ["product's name", { password: 'latchkey2026' }, ['password']],
  ['password with a null', { password: 'nothing\0after' }, ['password']],
  ['password with a lone surrogate', { password: 'half a character \uDFFF' }, ['password']],
  ['password of 129 characters', { password: '🔑'.repeat(129) }, ['password']],
  ['password of 90 kB', { password: 'x'.repeat(90_000) }, ['password']],
  [
    'password that is the e-mail address',
    { email: 'Hopper@example.com', password: 'HOPPER@example.com' },
    ['password'],
  ],
  [
    'password that is the username',
    { username: 'gracehopper', password: 'GraceHopper' },
    ['password'],
  ],
  ['display name with a control character', { displayName: 'Ada\x1b[2J' }, ['displayName']],
  ['display name of two lines', { displayName: 'Ada\nadmin: true' }, ['displayName']],
  ['display name that turns text around', { displayName: 'Ada \u202E moc.live' }, ['displayName']],
  ['long display name', { displayName: 'a'.repeat(101) }, ['displayName']],
  ['long phrase', { phrase: 'a'.repeat(201) }, ['phrase']],
  ['phrase with a lone surrogate', { phrase: '\uD83D' }, ['phrase']],
  [
    'everything at once',
    { email: '', username: '!', password: '', displayName: '\0', phrase: '\0' },
    ['email', 'username', 'displayName', 'phrase', 'password'],
  ],
])('refuses %s, naming the field, before it costs a hash', async (_what, input, paths) => {
  const [rows, hashes] = [await countRows(app), app.hashes()];
  const answer = await register(input);
  expect(answer).toMatchObject({ __typename: 'InvalidInput', code: 'INVALID_INPUT' });
  expect(answer.fields.map((field: { path: string }) => field.path)).toEqual(paths);
  for (const field of answer.fields) expect(field.message).toMatch(/^\S.{10,}\.$/);
  expect(await countRows(app)).toEqual(rows);
  expect(app.hashes()).toBe(hashes);
});

const NAME = `éliseß${newName('x')}`;

it.each([
  ['the same', `${NAME}@example.com`],
  ['other case', `${NAME}@example.com`.toUpperCase().replace('SS', 'ß')],
  ['another domain case', `${NAME}@EXAMPLE.Com`],
  ['decomposed accents', `${NAME}@example.com`.normalize('NFD')],
  ['outer space', `\t ${NAME}@example.com  \n`],
  ['all of it', ` ${NAME.replaceAll('x', 'X').normalize('NFD')}@EXAMPLE.com `],
])('finds an e-mail address taken in any spelling: %s', async (_how, email) => {
  await register({ email: `${NAME}@example.com` });
  const rows = await countRows(app);
  expect(await register({ email })).toMatchObject({
    __typename: 'EmailTaken',
    code: 'EMAIL_TAKEN',
  });
  expect(await countRows(app)).toEqual(rows);
});

it.each([
  ['in the name', `${NAME.replaceAll('x', 'ｘ')}@example.com`],
  ['in the domain', `${NAME}@ｅxample.com`],
  ['for the dot', `${NAME}@example．com`],
])(
  'takes no address whose mail goes elsewhere than it looks: full width %s',
  async (_where, email) => {
    expect((await register({ email })).code).toBe('INVALID_INPUT');
  },
);

it.each([
  ['another accent', NAME.replace('é', 'è')],
  ['no accent', NAME.replace('é', 'e')],
  ['ss for ß', NAME.replace('ß', 'ss')],
])('takes no other address for the same: %s', async (_how, name) => {
  await register({ email: `${NAME}@example.com` });
  const answer = await register({ email: `${name}@example.com` });
  expect(answer.__typename).toBe('RegisterSuccess');
});

it.each([
  ['the same', NAME],
  ['other case', NAME.replace('é', 'É').replaceAll('x', 'X')],
  ['decomposed accents', NAME.normalize('NFD')],
  ['full width', NAME.replaceAll('x', 'ｘ')],
  ['outer space', ` ${NAME} `],
])('finds a username taken in any spelling: %s', async (_how, username) => {
  await register({ username: NAME });
  const rows = await countRows(app);
  expect(await register({ username })).toMatchObject({
    __typename: 'UsernameTaken',
    code: 'USERNAME_TAKEN',
  });
  expect(await countRows(app)).toEqual(rows);
});

it('takes any number of accounts without a username', async () => {
  for (const username of [null, '', '   ']) {
    const answer = await register({ username });
    expect(answer.user.username).toBeNull();
  }
});

it('makes one account of thirty registrations of one address at the same moment', async () => {
  const email = `${newName()}@example.com`;
  const before = await countRows(app);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      register({ email: i % 2 === 0 ? email : email.toUpperCase() }),
    ),
  );
  const kinds = answers.map((answer) => answer.__typename).sort();
  expect(kinds).toEqual([...Array(29).fill('EmailTaken'), 'RegisterSuccess']);
  const after = await countRows(app);
  for (const table of ['users', 'sessions', 'audit_events']) {
    expect(after[table], table).toBe((before[table] ?? 0) + 1);
  }
});

it('makes one account of thirty registrations of one username at the same moment', async () => {
  const username = newName();
  const answers = await Promise.all(Array.from({ length: 30 }, () => register({ username })));
  const kinds = answers.map((answer) => answer.__typename).sort();
  expect(kinds).toEqual(['RegisterSuccess', ...Array(29).fill('UsernameTaken')]);
  const rows = await runSql(app.databaseUrl, 'select id from users where username = ?', [username]);
  expect(rows).toHaveLength(1);
});

it.each([
  ['128 characters of four bytes', '🔑'.repeat(128), '🔑'.repeat(128), '🔑'.repeat(127)],
  ['200 bytes, none cut off', 'ж'.repeat(100), 'ж'.repeat(100), `${'ж'.repeat(99)}х`],
  ['composed accents', 'crème brûlée', 'crème brûlée'.normalize('NFD'), 'creme brulee'],
  ['outer spaces', ' four words in a row ', ' four words in a row ', PASSWORD],
])('keeps a password whole: %s', async (_what, password, same, other) => {
  const user = await registerUser(app, { password });
  expect((await logIn(app, { identifier: user.email, password: same })).__typename).toBe(
    'LoginSuccess',
  );
  expect((await logIn(app, { identifier: user.email, password: other })).code).toBe(
    'INVALID_CREDENTIALS',
  );
});

it('lets nobody choose a role, a status or anything else that is not theirs', async () => {
  const rows = await countRows(app);
  for (const extra of [
    { role: 'ADMIN' },
    { status: 'ACTIVE' },
    { emailVerified: true },
    { id: '00000000-0000-7000-8000-000000000000' },
    { appMetadata: { plan: 'pro' } },
    { passwordHash: 'x' },
    { totpEnabled: true },
  ]) {
    const { data, errors } = await register(extra);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
  expect(await countRows(app)).toEqual(rows);
});

it('takes prototype keys for what they are: keys that nobody knows', async () => {
  const input = `{"email": "${newName()}@example.com", "password": "${PASSWORD}", "__proto__": {"role": "ADMIN"}}`;
  const response = await app.post(
    `{"query": ${JSON.stringify(REGISTER)}, "variables": {"__proto__": {"admin": true}, "input": ${input}}}`,
  );
  const answer = await response.json();
  // known as a key or as nothing at all, but never as a role
  if (answer.data != null) expect(answer.data.register.user.role).toBe('USER');
  else expect(answer.errors[0].extensions.code).toBe('BAD_USER_INPUT');
  expect(({} as Record<string, unknown>).role).toBeUndefined();
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

it('gives a phrase to those who choose none, where the operator has one', async () => {
  const other = await createTestApp({
    databaseUrl: app.databaseUrl,
    clock: app.clock,
    env: { DEFAULT_PHRASE: 'seven sleepy seals' },
  });
  try {
    expect((await register({}, {}, other)).user.phrase).toBe('seven sleepy seals');
    expect((await register({ phrase: '  ' }, {}, other)).user.phrase).toBe('seven sleepy seals');
    expect((await register({ phrase: ' my own ' }, {}, other)).user.phrase).toBe('my own');
    expect((await register({ phrase: ' my own ' })).user.phrase).toBe('my own');
  } finally {
    await other.close();
  }
});

it('lets a session live longer that is to be remembered', async () => {
  const lasts = async (input: object) => {
    const { tokens } = await register({ ...input });
    return (Date.parse(tokens.refreshExpiresAt) - app.clock.now().getTime()) / 86_400_000;
  };
  expect(await lasts({})).toBe(1);
  expect(await lasts({ remember: true })).toBe(30);
});

it('writes nothing at all when the last part of it fails', async () => {
  await runSql(
    app.databaseUrl,
    "create trigger refuse_events before insert on audit_events for each row signal sqlstate '45000' set message_text = 'S3CRET-CANARY'",
  );
  const rows = await countRows(app);
  try {
    const answer = await register({ username: newName() });
    expect(answer.data).toBeNull();
    expect(answer.errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(JSON.stringify(answer)).not.toMatch(/S3CRET|audit|insert|45000/i);
  } finally {
    await runSql(app.databaseUrl, 'drop trigger refuse_events');
  }
  expect(await countRows(app)).toEqual(rows);
});

it('is not misled by a username that looks like the name of an index', async () => {
  const username = 'a.users_email_key_unique';
  await registerUser(app, { username });
  await expect(registerUser(app, { username })).rejects.toThrow('UsernameTaken');
});
