import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  auditTypes,
  completeLogin,
  enrolTotp,
  idBytes,
  isSignedIn,
  logIn,
  nextTotpCode,
  refresh,
  registerAdmin,
  registerUser,
  type TestUser,
  wrongTotpCode,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  type Administration,
  administrationBy,
  aimedAt,
  ID_ONLY,
  MUTATIONS,
} from './support/administration.ts';

let app: TestApp;
let admin: TestUser;
let administer: Administration['administer'];
let adminToken: Administration['adminToken'];
beforeAll(async () => {
  app = await createTestApp();
  admin = await registerAdmin(app);
  ({ administer, adminToken } = administrationBy(app, admin));
});
afterAll(() => app.close());

const NOBODY = '01890000-0000-7000-8000-000000000000';

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

it('lifts the locks of known devices, of passwords and of codes', async () => {
  const user = await registerUser(app);
  const { email: identifier, deviceToken } = user;
  const guess = (input: object) => logIn(app, { identifier, deviceToken, ...input });
  for (let i = 0; i < 5; i++) await guess({ password: 'wrong' });
  expect((await guess({})).code).toBe('ACCOUNT_LOCKED');
  await administer('unlockUser', { id: user.id });
  expect((await guess({})).__typename).toBe('LoginSuccess');

  const { secret } = await enrolTotp(app, user);
  for (let i = 0; i < 5; i++) await guess({ code: wrongTotpCode(app, secret) });
  expect((await guess({ code: nextTotpCode(app, secret) })).code).toBe('ACCOUNT_LOCKED');
  await administer('unlockUser', { id: user.id });
  expect((await guess({ code: nextTotpCode(app, secret) })).__typename).toBe('LoginSuccess');
});

it('lifts no lock of somebody else', async () => {
  const [user, other] = [await registerUser(app), await registerUser(app)];
  const { email: identifier, deviceToken } = other;
  for (let i = 0; i < 5; i++) await logIn(app, { identifier, deviceToken, password: 'wrong' });
  await administer('unlockUser', { id: user.id });
  expect((await logIn(app, { identifier, deviceToken })).code).toBe('ACCOUNT_LOCKED');
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

it.each(['updateUser', ...ID_ONLY] as const)(
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

it('takes ids in capitals for what they are', async () => {
  const user = await registerUser(app);
  const id = user.id.toUpperCase();
  expect((await administer('unlockUser', { id })).user.id).toBe(user.id);
  expect((await administer('updateUser', { input: { id, role: 'USER' } })).user.id).toBe(user.id);
  expect((await administer('resetUserTotp', { id })).user.id).toBe(user.id);
  expect((await administer('revokeUserSessions', { id })).endedSessions).toBe(1);
  expect((await administer('deleteUser', { id })).id).toBe(user.id);
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
