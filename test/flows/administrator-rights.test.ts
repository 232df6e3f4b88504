import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/flows/user-administration.ts';
import {
  auditTypes,
  idBytes,
  isSignedIn,
  newName,
  PASSWORD,
  registerAdmin,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import {
  type Administration,
  administrationBy,
  aimedAt,
  ID_ONLY,
} from './support/administration.ts';

let app: TestApp;
let admin: TestUser;
let administer: Administration['administer'];
let adminToken: Administration['adminToken'];
beforeAll(async () => {
  app = await createTestApp({ env: { DEFAULT_PHRASE: 'seven sleepy seals' } });
  admin = await registerAdmin(app);
  ({ administer, adminToken } = administrationBy(app, admin));
});
afterAll(() => app.close());

it.each(['updateUser', 'deleteUser', 'resetUserTotp'] as const)(
  'lets no administrator %s themselves, in whatever spelling of their id',
  async (mutation) => {
    const accessToken = await adminToken();
    for (const id of [admin.id, admin.id.toUpperCase()]) {
      expect(await administer(mutation, aimedAt(mutation, id))).toMatchObject({
        __typename: 'SelfTargeted',
        code: 'SELF_TARGETED',
      });
    }
    const demotion = { input: { id: admin.id.toUpperCase(), role: 'USER' } };
    expect((await administer('updateUser', demotion)).code).toBe('SELF_TARGETED');
    expect(await isSignedIn(app, accessToken)).toBe(true);
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
  for (const mutation of ['updateUser', ...ID_ONLY] as const) {
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
