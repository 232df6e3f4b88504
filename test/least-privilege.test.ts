import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RUNTIME_RIGHTS, readRights, withConnection } from '../src/db/accounts.ts';
import { connectionOptions } from '../src/db/connection.ts';
import { compareRights } from '../src/db/rights.ts';
import { forgetExpiredByKind } from '../src/flows/housekeeping.ts';
import { rewrapSecrets } from '../src/flows/secret-rotation.ts';
import { rotateKeys } from '../src/flows/signing-keys.ts';
import {
  countRows,
  enrolTotp,
  FAILURE,
  isSignedIn,
  logIn,
  newName,
  nextTotpCode,
  PASSWORD,
  refresh,
  registerAdmin,
  registerUser,
} from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { serviceUrl } from './support/service-user.ts';

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Runs a mutation that must succeed. */
async function succeed(mutation: string, token: string, input?: object): Promise<void> {
  const type = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  const call = input === undefined ? mutation : `${mutation}(input: $input)`;
  const head = input === undefined ? 'mutation' : `mutation ($input: ${type}Input!)`;
  const { data, errors } = await app.gql(
    `${head} { done: ${call} { __typename ${FAILURE} } }`,
    { input },
    { token },
  );
  expect({ mutation, errors, done: data?.done }).toMatchObject({
    errors: undefined,
    done: { __typename: `${type}Success` },
  });
}

async function act(mutation: string, id: string, token: string): Promise<string> {
  const query = `mutation ($id: ID!) { done: ${mutation}(id: $id) { __typename } }`;
  const { data } = await app.gql(query, { id }, { token });
  return data?.done.__typename;
}

it('runs in every test as a user of exactly the rights that `create-db` gives', async () => {
  const url = await serviceUrl(app.databaseUrl);
  const connection = connectionOptions(url, () => '');
  const [rows] = await app.app.deps.db.execute(sql`select current_user() as name`);
  expect(JSON.stringify(rows)).toContain(`${connection.user}@%`);
  const rights = await withConnection(connection, (open) => readRights(open));
  expect(compareRights(rights, RUNTIME_RIGHTS, connection.database)).toEqual({
    missing: [],
    excessive: [],
  });
});

it('lets people register, sign in, refresh, turn TOTP on, change their profile and leave', async () => {
  const ada = await registerUser(app);
  const token = ada.accessToken;
  expect((await refresh(app, ada.refreshToken)).__typename).toBe('RefreshSuccess');
  await succeed('updateProfile', token, { displayName: 'Ada', username: newName() });
  const { secret } = await enrolTotp(app, ada);
  const login = { identifier: ada.email, code: nextTotpCode(app, secret) };
  expect((await logIn(app, login)).__typename).toBe('LoginSuccess');
  expect((await logIn(app, { identifier: ada.email, password: 'wrong' })).code).toBe(
    'INVALID_CREDENTIALS',
  );
  const asked = '{ me { dataExport sessions { id } auditEvents { edges { node { type } } } } }';
  const { data, errors } = await app.gql(asked, {}, { token });
  expect(errors).toBeUndefined();
  expect(data.me.sessions).toHaveLength(2);
  const currentPassword = PASSWORD;
  const code = () => nextTotpCode(app, secret);
  await succeed('regenerateRecoveryCodes', token, { currentPassword, code: code() });
  await succeed('deleteAccount', token, { currentPassword, code: code(), confirm: true });
  expect(await isSignedIn(app, token)).toBe(false);
});

it('lets administrators do what they do', async () => {
  const { accessToken: token } = await registerAdmin(app);
  const [bob, eve] = [await registerUser(app), await registerUser(app)];
  await enrolTotp(app, bob);
  await succeed('createUser', token, { email: `${newName()}@example.com`, role: 'ADMIN' });
  await succeed('updateUser', token, { id: bob.id, appMetadata: { plan: 'pro' } });
  for (const mutation of ['unlockUser', 'revokeUserSessions', 'resetUserTotp']) {
    const type = mutation.charAt(0).toUpperCase() + mutation.slice(1);
    expect(await act(mutation, bob.id, token)).toBe(`${type}Success`);
  }
  await succeed('updateUser', token, { id: eve.id, status: 'DISABLED' });
  expect(await act('deleteUser', eve.id, token)).toBe('DeleteUserSuccess');
  const asked = `{ admin { dashboard { users } users(search: "a") { totalCount }
    auditEvents(first: 5) { edges { node { type } } } } }`;
  const { data, errors } = await app.gql(asked, {}, { token });
  expect(errors).toBeUndefined();
  expect(data.admin.auditEvents.edges).toHaveLength(5);
});

it('lets the service keep house and the operator turn its keys', async () => {
  const { deps } = app.app;
  app.clock.advance(400 * 24 * 60 * 60);
  expect(await forgetExpiredByKind(deps)).toMatchObject({ sessions: expect.any(Number) });
  expect((await countRows(app)).sessions).toBe(0);
  await rotateKeys(deps, true);
  await rewrapSecrets(deps);
});
