import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/flows/user-administration.ts';
import {
  auditTypes,
  completeLogin,
  countRows,
  enrolTotp,
  FAILURE,
  INPUT_FAILURE,
  idBytes,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

const USER = 'user { id email username displayName phrase role status appMetadata totpEnabled }';
const MUTATIONS = {
  createUser: `mutation ($input: CreateUserInput!) {
    result: createUser(input: $input) { __typename ... on CreateUserSuccess { ${USER} } ${INPUT_FAILURE} }
  }`,
  updateUser: `mutation ($input: UpdateUserInput!) {
    result: updateUser(input: $input) { __typename ... on UpdateUserSuccess { ${USER} } ${INPUT_FAILURE} }
  }`,
  deleteUser: `mutation ($id: ID!) {
    result: deleteUser(id: $id) { __typename ... on DeleteUserSuccess { id } ${FAILURE} }
  }`,
  unlockUser: `mutation ($id: ID!) {
    result: unlockUser(id: $id) { __typename ... on UnlockUserSuccess { ${USER} } ${FAILURE} }
  }`,
  revokeUserSessions: `mutation ($id: ID!) {
    result: revokeUserSessions(id: $id) {
      __typename ... on RevokeUserSessionsSuccess { endedSessions } ${FAILURE}
    }
  }`,
  resetUserTotp: `mutation ($id: ID!) {
    result: resetUserTotp(id: $id) { __typename ... on ResetUserTotpSuccess { ${USER} } ${FAILURE} }
  }`,
};
type Mutation = keyof typeof MUTATIONS;

let app: TestApp;
let admin: TestUser;
beforeAll(async () => {
  app = await createTestApp({ env: { DEFAULT_PHRASE: 'seven sleepy seals' } });
  admin = await registerAdmin(app);
});
afterAll(() => app.close());

/** Administers, with a session of its own, whatever the clock says. */
async function administer(
  mutation: Mutation,
  variables: object,
  as: { accessToken: string } = admin,
) {
  const token = as === admin ? await adminToken() : as.accessToken;
  const answer = await app.gql(MUTATIONS[mutation], { ...variables }, { token });
  return answer.data?.result ?? answer;
}

async function adminToken(): Promise<string> {
  if (!(await isSignedIn(app, admin.accessToken))) {
    admin = { ...admin, ...(await logIn(app, { identifier: admin.email })).tokens };
  }
  return admin.accessToken;
}

const NOBODY = '01890000-0000-7000-8000-000000000000';
const idOnly = ['deleteUser', 'unlockUser', 'revokeUserSessions', 'resetUserTotp'] as const;

/** The variables of a mutation that is aimed at a user. */
const aimedAt = (mutation: Mutation, id: unknown) =>
  mutation === 'updateUser' ? { input: { id, status: 'DISABLED' } } : { id };

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

it('gives and takes a role, from the next request on', async () => {
  const user = await registerUser(app);
  const ask = () => app.gql('{ admin { dashboard { users } } }', {}, { token: user.accessToken });
  expect((await ask()).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  const promoted = await administer('updateUser', { input: { id: user.id, role: 'ADMIN' } });
  expect(promoted).toMatchObject({ __typename: 'UpdateUserSuccess', user: { role: 'ADMIN' } });
  expect((await ask()).errors).toBeUndefined();
  await administer('updateUser', { input: { id: user.id, role: 'USER' } });
  expect((await ask()).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  const types = await auditTypes(app, user.id);
  expect(types.filter((type) => type === 'USER_ROLE_CHANGED')).toHaveLength(2);
});

it('disables an account at once and for good, and enables it again', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  const { challenge } = await logIn(app, { identifier: user.email });
  const disabled = await administer('updateUser', { input: { id: user.id, status: 'DISABLED' } });
  expect(disabled.user.status).toBe('DISABLED');
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await refresh(app, user.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  const code = nextTotpCode(app, secret);
  expect((await completeLogin(app, challenge, code)).code).toBe('INVALID_CHALLENGE');
  expect((await logIn(app, { identifier: user.email })).code).toBe('ACCOUNT_DISABLED');
  const enabled = await administer('updateUser', { input: { id: user.id, status: 'ACTIVE' } });
  expect(enabled.user.status).toBe('ACTIVE');
  // the old sessions stay ended
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await logIn(app, { identifier: user.email, code })).__typename).toBe('LoginSuccess');
});

it('replaces metadata as a whole, which the next access token carries', async () => {
  const user = await registerUser(app);
  for (const appMetadata of [{ plan: 'pro', seats: 3 }, { plan: 'free' }, {}]) {
    const { user: changed } = await administer('updateUser', {
      input: { id: user.id, appMetadata },
    });
    expect(changed.appMetadata).toEqual(appMetadata);
  }
  for (const appMetadata of [[], 'x', 1, true, { x: 'x'.repeat(2000) }]) {
    const refused = await administer('updateUser', {
      input: { id: user.id, role: 'ADMIN', appMetadata },
    });
    expect(refused).toMatchObject({
      __typename: 'InvalidInput',
      fields: [{ path: 'appMetadata' }],
    });
  }
  const { data } = await app.gql('{ me { role appMetadata } }', {}, { token: user.accessToken });
  expect(data.me).toEqual({ role: 'USER', appMetadata: {} });
});

it('keeps keys that mean something to JavaScript as what they are', async () => {
  const user = await registerUser(app);
  const literal =
    '{ __proto__: { role: "ADMIN" }, constructor: { prototype: { x: 1 } }, toString: "x" }';
  const token = await adminToken();
  const byLiteral = await app.gql(
    `mutation { updateUser(input: { id: "${user.id}", appMetadata: ${literal} }) { ... on UpdateUserSuccess { user { role appMetadata } } } }`,
    {},
    { token },
  );
  const kept = '{"__proto__":{"role":"ADMIN"},"constructor":{"prototype":{"x":1}},"toString":"x"}';
  expect(JSON.stringify(byLiteral.data.updateUser.user.appMetadata)).toBe(kept);
  const body = `{"query": ${JSON.stringify(MUTATIONS.updateUser)}, "variables": {"input": {"id": "${user.id}", "appMetadata": ${kept}}}}`;
  const byVariable = await (await app.post(body, { token })).json();
  expect(JSON.stringify(byVariable.data.result.user.appMetadata)).toBe(kept);
  expect(({} as Record<string, unknown>).role).toBeUndefined();
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

it('changes nothing where nothing is given, and records only what changed', async () => {
  const user = await registerUser(app);
  for (const nothing of [{}, { role: null, status: null, appMetadata: null }, { role: 'USER' }]) {
    const answer = await administer('updateUser', { input: { id: user.id, ...nothing } });
    expect(answer.user).toMatchObject({ role: 'USER', status: 'ACTIVE', appMetadata: {} });
  }
  expect(await auditTypes(app, user.id)).toEqual(['REGISTERED']);
});

it('deletes an account and everything of it', async () => {
  const user = await registerUser(app);
  await enrolTotp(app, user);
  expect(await administer('deleteUser', { id: user.id })).toEqual({
    __typename: 'DeleteUserSuccess',
    id: user.id,
  });
  expect(await isSignedIn(app, user.accessToken)).toBe(false);
  expect((await logIn(app, { identifier: user.email })).code).toBe('INVALID_CREDENTIALS');
  for (const table of [
    'sessions',
    'recovery_codes',
    'totp_enrolments',
    'login_challenges',
    'audit_events',
  ]) {
    const rows = await runSql(app.databaseUrl, `select * from ${table} where user_id = ?`, [
      idBytes(user.id),
    ]);
    expect(rows, table).toEqual([]);
  }
  expect((await administer('deleteUser', { id: user.id })).code).toBe('NOT_FOUND');
});

it('lifts the locks of an account: by e-mail address, by username, of codes and of passwords', async () => {
  const user = await registerUser(app);
  const { secret } = await enrolTotp(app, user);
  for (let i = 0; i < 5; i++) {
    await logIn(app, { identifier: user.email, code: wrongTotpCode(app, secret) });
  }
  for (const identifier of [user.email, user.username]) {
    for (let i = 0; i < 5; i++) await logIn(app, { identifier, password: 'wrong' });
    expect((await logIn(app, { identifier })).code).toBe('ACCOUNT_LOCKED');
  }
  const reauthenticate = async () => {
    const query = `mutation { enableTotp(input: { currentPassword: "wrong" }) { ${'... on Error { code }'} } }`;
    const { data, errors } = await app.gql(query, {}, { token: user.accessToken });
    return data?.enableTotp.code ?? errors?.[0]?.extensions.code;
  };
  for (let i = 0; i < 5; i++) await reauthenticate();
  expect(await reauthenticate()).toBe('RATE_LIMITED');
  const answer = await administer('unlockUser', { id: user.id });
  expect(answer).toMatchObject({ __typename: 'UnlockUserSuccess', user: { id: user.id } });
  expect(await reauthenticate()).toBe('INVALID_CREDENTIALS');
  for (const identifier of [user.email, user.username]) {
    const code = nextTotpCode(app, secret);
    expect((await logIn(app, { identifier, code })).__typename).toBe('LoginSuccess');
  }
  // that there was nothing to lift is no failure
  expect((await administer('unlockUser', { id: user.id })).__typename).toBe('UnlockUserSuccess');
});

it('ends all sessions of a user and counts them', async () => {
  const user = await registerUser(app);
  const { tokens } = await logIn(app, { identifier: user.email });
  expect(await administer('revokeUserSessions', { id: user.id })).toEqual({
    __typename: 'RevokeUserSessionsSuccess',
    endedSessions: 2,
  });
  for (const token of [user.accessToken, tokens.accessToken]) {
    expect(await isSignedIn(app, token)).toBe(false);
  }
  expect((await administer('revokeUserSessions', { id: user.id })).endedSessions).toBe(0);
});

it('frees a user of a lost second factor, and its codes with it', async () => {
  const user = await registerUser(app);
  const { secret, recoveryCodes } = await enrolTotp(app, user);
  const { challenge } = await logIn(app, { identifier: user.email });
  const answer = await administer('resetUserTotp', { id: user.id });
  expect(answer).toMatchObject({
    __typename: 'ResetUserTotpSuccess',
    user: { totpEnabled: false },
  });
  expect((await completeLogin(app, challenge, nextTotpCode(app, secret))).code).toBe(
    'INVALID_CHALLENGE',
  );
  expect((await logIn(app, { identifier: user.email })).__typename).toBe('LoginSuccess');
  const left = await runSql(app.databaseUrl, 'select * from recovery_codes where user_id = ?', [
    idBytes(user.id),
  ]);
  expect(left).toEqual([]);
  expect(recoveryCodes).toHaveLength(10);
  expect(await auditTypes(app, user.id)).toContain('USER_TOTP_RESET');
});

it.each(['updateUser', ...idOnly] as const)(
  'finds nobody to %s under an id that is nobody’s',
  async (mutation) => {
    const ids = [
      NOBODY,
      '',
      'x',
      7,
      "' or 1=1 --",
      '\0',
      '\uD800',
      `${NOBODY} `,
      'x'.repeat(30_000),
    ];
    for (const id of ids) {
      const answer = await administer(mutation, aimedAt(mutation, id));
      expect(answer, String(id).slice(0, 40)).toMatchObject({
        __typename: 'NotFound',
        code: 'NOT_FOUND',
      });
    }
  },
);

it.each(['updateUser', 'deleteUser', 'resetUserTotp'] as const)(
  'lets no administrator %s themselves, in whatever spelling of their id',
  async (mutation) => {
    await adminToken();
    for (const id of [admin.id, admin.id.toUpperCase()]) {
      expect(await administer(mutation, aimedAt(mutation, id))).toMatchObject({
        __typename: 'SelfTargeted',
        code: 'SELF_TARGETED',
      });
    }
    const demotion = { input: { id: admin.id.toUpperCase(), role: 'USER' } };
    expect((await administer('updateUser', demotion)).code).toBe('SELF_TARGETED');
    expect(await isSignedIn(app, admin.accessToken)).toBe(true);
  },
);

it('lets administrators do to themselves what takes no right from anybody', async () => {
  const own = await registerAdmin(app);
  const changed = await administer(
    'updateUser',
    { input: { id: own.id, appMetadata: { x: 1 } } },
    own,
  );
  expect(changed.user).toMatchObject({ appMetadata: { x: 1 }, phrase: 'seven sleepy seals' });
  expect((await administer('unlockUser', { id: own.id }, own)).__typename).toBe(
    'UnlockUserSuccess',
  );
  expect((await administer('revokeUserSessions', { id: own.id }, own)).endedSessions).toBe(1);
  await administer('deleteUser', { id: own.id });
});

it('takes ids in capitals for what they are', async () => {
  const user = await registerUser(app);
  const id = user.id.toUpperCase();
  expect((await administer('unlockUser', { id })).user.id).toBe(user.id);
  expect((await administer('updateUser', { input: { id, role: 'USER' } })).user.id).toBe(user.id);
  expect((await administer('resetUserTotp', { id })).user.id).toBe(user.id);
  expect((await administer('revokeUserSessions', { id })).endedSessions).toBe(1);
  expect((await administer('deleteUser', { id })).id).toBe(user.id);
});

it('lets the operator, who has no account, not lose the last administrator either', async () => {
  const operator = { userId: null, client: { ipAddress: null, userAgent: null, requestId: null } };
  const { deps } = app.app;
  const lastAdmin = expect.objectContaining({ code: 'LAST_ADMIN' });
  for (const id of [admin.id, admin.id.toUpperCase()]) {
    await expect(changeUser(deps, operator, { id, role: 'USER' })).rejects.toEqual(lastAdmin);
    await expect(changeUser(deps, operator, { id, status: 'DISABLED' })).rejects.toEqual(lastAdmin);
    await expect(deleteUser(deps, operator, id)).rejects.toEqual(lastAdmin);
  }
  const second = await registerAdmin(app);
  await changeUser(deps, operator, { id: second.id, role: 'USER' });
  expect(await auditTypes(app, second.id)).toContain('USER_ROLE_CHANGED');
});

const ACTS: Record<string, (by: TestUser, against: TestUser) => Promise<{ __typename?: string }>> =
  {
    demote: (by, { id }) => administer('updateUser', { input: { id, role: 'USER' } }, by),
    disable: (by, { id }) => administer('updateUser', { input: { id, status: 'DISABLED' } }, by),
    delete: (by, { id }) => administer('deleteUser', { id }, by),
    leave: async (by) => {
      const query = `mutation { deleteAccount(input: { confirm: true, currentPassword: "${PASSWORD}" }) { __typename } }`;
      return (await app.gql(query, {}, { token: by.accessToken })).data?.deleteAccount ?? {};
    },
  };

it('keeps an active administrator through twenty rounds of two who act on each other', async () => {
  const acts = Object.values(ACTS);
  const pairs = acts.flatMap((one) => acts.map((other) => [one, other] as const));
  const rounds = [...pairs, ...pairs].slice(0, 20);
  for (const [one, other] of rounds) {
    await runSql(app.databaseUrl, "update users set role = 'USER'");
    const [a, b] = [await registerAdmin(app), await registerAdmin(app)];
    const answers = await Promise.all([one(a, b), other(b, a)]);
    const [left] = await runSql<{ n: number }>(
      app.databaseUrl,
      "select count(*) as n from users where role = 'ADMIN' and status = 'ACTIVE'",
    );
    expect(left?.n).toBe(1);
    // who was demoted first may still leave
    const succeeded = answers.filter((answer) => answer.__typename?.endsWith('Success'));
    expect(succeeded.length).toBeGreaterThanOrEqual(1);
  }
  await runSql(app.databaseUrl, "update users set role = 'ADMIN' where id = ?", [
    idBytes(admin.id),
  ]);
});

it('is refused to whoever has lost the right since', async () => {
  const former = await registerAdmin(app);
  const user = await registerUser(app);
  await administer('updateUser', { input: { id: former.id, role: 'USER' } });
  for (const mutation of ['updateUser', ...idOnly] as const) {
    const answer = await administer(mutation, aimedAt(mutation, user.id), former);
    expect(answer.errors, mutation).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  }
  const create = { input: { email: `${newName()}@example.com` } };
  const refused = await administer('createUser', create, former);
  expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  expect(await isSignedIn(app, user.accessToken)).toBe(true);
});

it('takes no right from anybody for somebody who lost theirs after the request began', async () => {
  const [former, other] = [await registerUser(app), await registerAdmin(app)];
  const client = { ipAddress: null, userAgent: null, requestId: null };
  const by = { userId: former.id, client };
  const { deps } = app.app;
  const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });
  await expect(changeUser(deps, by, { id: other.id, role: 'USER' })).rejects.toEqual(forbidden);
  await expect(changeUser(deps, by, { id: other.id, status: 'DISABLED' })).rejects.toEqual(
    forbidden,
  );
  await expect(deleteUser(deps, by, other.id)).rejects.toEqual(forbidden);
  await administer('deleteUser', { id: other.id });
});

it('puts every act on record, with who did it and to whom', async () => {
  const user = await registerUser(app);
  await administer('updateUser', {
    input: { id: user.id, role: 'ADMIN', status: 'DISABLED', appMetadata: {} },
  });
  for (const mutation of ['unlockUser', 'revokeUserSessions', 'resetUserTotp'] as const) {
    await administer(mutation, { id: user.id });
  }
  const events = await runSql<{ type: string; actor_id: Buffer; detail: string }>(
    app.databaseUrl,
    "select type, actor_id, detail from audit_events where user_id = ? and type like 'USER%'",
    [idBytes(user.id)],
  );
  expect(events.every((event) => event.actor_id.equals(idBytes(admin.id)))).toBe(true);
  expect(Object.fromEntries(events.map(({ type, detail }) => [type, JSON.parse(detail)]))).toEqual({
    USER_ROLE_CHANGED: { from: 'USER', to: 'ADMIN' },
    USER_STATUS_CHANGED: { from: 'ACTIVE', to: 'DISABLED' },
    USER_METADATA_CHANGED: {},
    USER_UNLOCKED: {},
    USER_SESSIONS_REVOKED: { endedSessions: 0 },
    USER_TOTP_RESET: {},
  });
});
